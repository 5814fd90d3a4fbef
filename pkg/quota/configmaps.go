// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"aof.dev/operator/pkg/names"
)

// ConfigMapAPI is what ConfigMaps need of a cluster; *kubeapi.Client has it.
type ConfigMapAPI interface {
	ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error)
	UpdateConfigMap(ctx context.Context, object *corev1.ConfigMap) (*corev1.ConfigMap, error)
}

// ConfigMaps keeps documents in ConfigMaps that the controller makes. It must not
// be copied.
type ConfigMaps struct {
	API ConfigMapAPI

	mu sync.Mutex
	// objects are those read last: what a write says beside the document.
	objects map[Key]*corev1.ConfigMap
}

var _ Store = (*ConfigMaps)(nil)

// ObjectName is the name of the ConfigMap of a document.
func ObjectName(key Key) string {
	if key.Kind == Binding {
		return names.Turns(key.Name)
	}
	return names.Quota(key.Name)
}

// Load implements Store.
func (c *ConfigMaps) Load(ctx context.Context, key Key) (document []byte, version string, err error) {
	object, err := c.API.ConfigMap(ctx, key.Namespace, ObjectName(key))
	if err != nil {
		return nil, "", mapped(err)
	}
	c.remember(key, object)
	return []byte(object.Data[names.KeyQuota]), object.ResourceVersion, nil
}

// Save implements Store.
func (c *ConfigMaps) Save(ctx context.Context, key Key, document []byte, version string) (string, error) {
	c.mu.Lock()
	have := c.objects[key]
	c.mu.Unlock()
	if have == nil || have.ResourceVersion != version {
		return "", ErrConflict // somebody else of this process read it since
	}
	next := have.DeepCopy()
	next.Data = map[string]string{names.KeyQuota: string(document)}
	written, err := c.API.UpdateConfigMap(ctx, next)
	if err != nil {
		return "", mapped(err)
	}
	c.remember(key, written)
	return written.ResourceVersion, nil
}

func (c *ConfigMaps) remember(key Key, object *corev1.ConfigMap) {
	object.ManagedFields = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.objects == nil {
		c.objects = map[Key]*corev1.ConfigMap{}
	}
	c.objects[key] = object
}

func mapped(err error) error {
	switch {
	case apierrors.IsConflict(err):
		return ErrConflict
	case apierrors.IsNotFound(err):
		return ErrMissing
	}
	return err
}
