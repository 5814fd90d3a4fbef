// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kubeapi

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
)

// Leases reads and writes Leases, for the processes of which one at a time may
// work. It is safe for concurrent use.
type Leases struct{ client rest.Interface }

// Leases makes a client of Leases, with the token and the connections of c.
func (c *Client) Leases() (*Leases, error) {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, coordinationv1.SchemeGroupVersion)
	scheme.AddKnownTypes(coordinationv1.SchemeGroupVersion, &coordinationv1.Lease{})
	config := rest.CopyConfig(c.config)
	config.APIPath, config.GroupVersion = "/apis", &coordinationv1.SchemeGroupVersion
	config.NegotiatedSerializer = rest.CodecFactoryForGeneratedClient(scheme, serializer.NewCodecFactory(scheme)).WithoutConversion()
	client, err := rest.RESTClientForConfigAndClient(config, c.http)
	if err != nil {
		return nil, err
	}
	return &Leases{client: client}, nil
}

// Lease reads a Lease.
func (l *Leases) Lease(ctx context.Context, namespace, name string) (*coordinationv1.Lease, error) {
	out := &coordinationv1.Lease{}
	if namespace == "" || name == "" {
		return out, errNoName
	}
	return out, l.client.Get().Namespace(namespace).Resource("leases").Name(name).Do(ctx).Into(out)
}

// CreateLease creates a Lease and gives it as stored.
func (l *Leases) CreateLease(ctx context.Context, object *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	out := &coordinationv1.Lease{}
	if object.Namespace == "" {
		return out, errNoName
	}
	return out, l.client.Post().Namespace(object.Namespace).Resource("leases").Body(object).Do(ctx).Into(out)
}

// UpdateLease replaces a Lease and gives it as stored. A resourceVersion in object
// that is not the stored one's is a conflict.
func (l *Leases) UpdateLease(ctx context.Context, object *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	out := &coordinationv1.Lease{}
	if object.Namespace == "" || object.Name == "" {
		return out, errNoName
	}
	return out, l.client.Put().Namespace(object.Namespace).Resource("leases").Name(object.Name).Body(object).Do(ctx).Into(out)
}
