// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"

	"aof.dev/operator/pkg/trace"
)

// maxDrained is how much of a broker's answer is read to use its connection again.
const maxDrained = 4 << 10

// Broker takes events on.
type Broker interface {
	// Send posts an event to the broker at a URL; nil says that it has taken it.
	Send(ctx context.Context, broker string, e cloudevents.Event) error
}

// HTTPBroker sends events over HTTP, in the structured form: nothing of an event
// becomes a header.
type HTTPBroker struct {
	// Client must not follow redirects.
	Client *http.Client
}

// Send implements Broker.
func (b HTTPBroker) Send(ctx context.Context, broker string, e cloudevents.Event) error {
	if u, err := url.Parse(broker); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("the broker's address is no http or https URL")
	}
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, broker, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", cloudevents.ApplicationCloudEventsJSON+"; charset=utf-8")
	trace.FromEvent(e).SetHeader(request.Header)
	response, err := b.Client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, maxDrained)
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("the broker answered %d", response.StatusCode)
	}
	return nil
}
