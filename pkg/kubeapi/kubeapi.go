// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kubeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"

	aofclient "aof.dev/operator/pkg/client/clientset/versioned/typed/aof/v1"
	"aof.dev/operator/pkg/names"
)

// Timeout bounds one request to the API.
const Timeout = 10 * time.Second

// unlimited switches client-go's own rate limit off: the API server has its own
// fair queues, and five requests a second would hold up events.
const unlimited = -1

// ConfigFrom reads server, CA and token from the environment variables that the
// token Secret gives a pod (names.EnvAPIServer and so on). Without a CA the
// system's are trusted.
func ConfigFrom(getenv func(name string) string) (*rest.Config, error) {
	server, token := getenv(names.EnvAPIServer), getenv(names.EnvAPIToken)
	switch {
	case server == "":
		return nil, fmt.Errorf("%s is not set: it is the URL of the Kubernetes API", names.EnvAPIServer)
	case token == "":
		return nil, fmt.Errorf("%s is not set: it is the token for the Kubernetes API", names.EnvAPIToken)
	}
	if u, err := url.Parse(server); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s must be an https URL", names.EnvAPIServer)
	}
	return &rest.Config{
		Host: server, BearerToken: token,
		TLSClientConfig: rest.TLSClientConfig{CAData: []byte(getenv(names.EnvAPICA))},
	}, nil
}

// Client reads and writes objects by name. Its errors are those of
// k8s.io/apimachinery/pkg/api/errors. It is safe for concurrent use.
type Client struct {
	config *rest.Config
	http   *http.Client
	core   rest.Interface
	aof    aofclient.AofV1Interface

	once         sync.Once
	unauthorized chan struct{}
}

// New makes a client; it does not talk to the API yet. Of config only what says
// where the API is and who asks is used, and WrapTransport.
func New(config *rest.Config) (*Client, error) {
	c := &Client{unauthorized: make(chan struct{})}
	own := rest.CopyConfig(config)
	own.QPS, own.Timeout, own.UserAgent = unlimited, Timeout, "aof"
	// There are never more requests at once than runs, and each is short: a
	// connection for each costs both ends less than streams on one do.
	own.NextProtos = []string{"http/1.1"}
	own.Wrap(func(next http.RoundTripper) http.RoundTripper { return &watchful{next: next, client: c} })
	client, err := rest.HTTPClientFor(own)
	if err != nil {
		return nil, fmt.Errorf("client of the Kubernetes API: %w", err)
	}
	aof, err := aofclient.NewForConfigAndClient(own, client)
	if err != nil {
		return nil, fmt.Errorf("client of the Kubernetes API: %w", err)
	}
	core := rest.CopyConfig(own)
	core.APIPath, core.GroupVersion, core.NegotiatedSerializer = "/api", &corev1.SchemeGroupVersion, codecs()
	c.config, c.http, c.aof = own, client, aof
	if c.core, err = rest.RESTClientForConfigAndClient(core, client); err != nil {
		return nil, fmt.Errorf("client of the Kubernetes API: %w", err)
	}
	return c, nil
}

// codecs knows no more than the core group: the scheme of all of Kubernetes
// costs milliseconds at every start.
func codecs() runtime.NegotiatedSerializer {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	scheme.AddKnownTypes(corev1.SchemeGroupVersion, &corev1.ConfigMap{}, &corev1.Secret{})
	return rest.CodecFactoryForGeneratedClient(scheme, serializer.NewCodecFactory(scheme)).WithoutConversion()
}

// Connect opens the connection that the first request will use, so that whoever
// waits for that does not wait for names and handshakes as well. What the API
// says to it does not matter, unless it is that the token is no good.
func (c *Client) Connect(ctx context.Context) { c.core.Get().AbsPath("/livez").Do(ctx) }

// AOF is the client of the operator's own kinds.
func (c *Client) AOF() aofclient.AofV1Interface { return c.aof }

// Unauthorized is closed when the API has answered 401: the token has run out or
// was withdrawn. It can't be renewed from inside; a process that finds this
// closed refuses what comes, ends and is started again with a new one.
func (c *Client) Unauthorized() <-chan struct{} { return c.unauthorized }

// ConfigMap reads a ConfigMap.
func (c *Client) ConfigMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, error) {
	out := &corev1.ConfigMap{}
	return out, c.get(ctx, "configmaps", namespace, name, out)
}

// Secret reads a Secret.
func (c *Client) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	out := &corev1.Secret{}
	return out, c.get(ctx, "secrets", namespace, name, out)
}

// CreateConfigMap creates a ConfigMap and gives it as stored.
func (c *Client) CreateConfigMap(ctx context.Context, object *corev1.ConfigMap) (*corev1.ConfigMap, error) {
	out := &corev1.ConfigMap{}
	if object.Namespace == "" {
		return out, errNoName
	}
	err := c.core.Post().Namespace(object.Namespace).Resource("configmaps").Body(object).Do(ctx).Into(out)
	return out, err
}

// UpdateConfigMap replaces a ConfigMap and gives it as stored. A resourceVersion
// in object that is not the stored one's is a conflict.
func (c *Client) UpdateConfigMap(ctx context.Context, object *corev1.ConfigMap) (*corev1.ConfigMap, error) {
	out := &corev1.ConfigMap{}
	if object.Namespace == "" || object.Name == "" {
		return out, errNoName
	}
	err := c.core.Put().Namespace(object.Namespace).Resource("configmaps").Name(object.Name).Body(object).Do(ctx).Into(out)
	return out, err
}

// errNoName: without a name a request would be for the whole collection.
var errNoName = errors.New("the object has no namespace or no name")

func (c *Client) get(ctx context.Context, resource, namespace, name string, into runtime.Object) error {
	if namespace == "" || name == "" {
		return errNoName
	}
	return c.core.Get().Namespace(namespace).Resource(resource).Name(name).Do(ctx).Into(into)
}

// watchful notices that the token is no longer taken.
type watchful struct {
	next   http.RoundTripper
	client *Client
}

// RoundTrip implements http.RoundTripper.
func (w *watchful) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := w.next.RoundTrip(request)
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		w.client.once.Do(func() { close(w.client.unauthorized) })
	}
	return response, err
}
