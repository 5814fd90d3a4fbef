// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package flowbinding

import (
	"encoding/json"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"aof.dev/operator/pkg/fold"
	"aof.dev/operator/pkg/names"
)

// arrivals remembers the documents in which triggers' events are counted as they
// were read last: one trigger may have thousands of bindings, and each looks at
// the same document.
type arrivals struct {
	mu   sync.Mutex
	read map[types.NamespacedName]arrived
}

type arrived struct {
	version  string
	bindings map[string]fold.Compared
}

// of gives the counts by binding. A document that can't be read counts nothing.
func (a *arrivals) of(c *corev1.ConfigMap) map[string]fold.Compared {
	key := types.NamespacedName{Namespace: c.Namespace, Name: c.Name}
	version := string(c.UID) + "/" + c.ResourceVersion
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.read[key]; ok && known.version == version && c.ResourceVersion != "" {
		return known.bindings
	}
	if a.read == nil {
		a.read = map[types.NamespacedName]arrived{}
	}
	bindings := comparedIn(c)
	a.read[key] = arrived{version: version, bindings: bindings}
	return bindings
}

// forget drops the document of a trigger that is gone.
func (a *arrivals) forget(key types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.read, key)
}

func comparedIn(c *corev1.ConfigMap) map[string]fold.Compared {
	var document struct {
		Bindings map[string]fold.Compared `json:"bindings"`
	}
	if json.Unmarshal([]byte(c.Data[names.KeyEvents]), &document) != nil {
		return nil
	}
	return document.Bindings
}
