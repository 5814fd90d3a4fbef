// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxLogLine bounds one line of a log.
const maxLogLine = 1 << 20

// PodLog calls see with every line that a container has logged since a time.
func (c *Client) PodLog(ctx context.Context, namespace, pod, container string, since time.Time, see func(line string)) error {
	query := url.Values{"container": {container}, "sinceTime": {since.UTC().Format(time.RFC3339)}}
	pods := Resource{Version: "v1", Plural: "pods"}
	resp, err := c.do(ctx, pods.path(namespace, pod)+"/log?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxExplanation)) // half an explanation is better than none
		return c.refused(access{"get", Resource{Version: "v1", Plural: "pods/log"}, namespace, pod}, resp.StatusCode, raw)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxLogLine)
	for lines.Scan() {
		see(lines.Text())
	}
	return lines.Err()
}
