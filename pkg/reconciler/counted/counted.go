// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Package counted reads the ConfigMaps in which finished runs and arrived events
// are counted. It reads with a lister only; the reconcilers of this directory
// import it to show counts in statuses.
package counted

import (
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corelisters "k8s.io/client-go/listers/core/v1"

	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
)

// Runs gives the finished runs of an object as they are counted so far. What
// nobody counted yet is empty. The error is about a document that can't be read.
func Runs(configMaps corelisters.ConfigMapLister, namespace, kind, name string) (*fold.Tally, error) {
	var document struct {
		Tally fold.Tally `json:"tally"`
	}
	err := read(configMaps, namespace, names.Tally(kind, name), names.KeyTally, &document)
	return &document.Tally, err
}

// Events gives the events of a Trigger as they are counted so far.
func Events(configMaps corelisters.ConfigMapLister, namespace, trigger string) (*fold.Events, error) {
	var events fold.Events
	err := read(configMaps, namespace, names.Events(trigger), names.KeyEvents, &events)
	return &events, err
}

func read(configMaps corelisters.ConfigMapLister, namespace, name, key string, into any) error {
	object, err := configMaps.ConfigMaps(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get ConfigMap %s: %w", name, err)
	}
	document := object.Data[key]
	if document == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(document), into); err != nil {
		return fmt.Errorf("ConfigMap %s, key %s: %w", name, key, err)
	}
	return nil
}
