// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// pollInterval is how often the node looks whether something has come up.
const pollInterval = 100 * time.Millisecond

func await(ready func() bool) {
	for !ready() {
		time.Sleep(pollInterval)
	}
}

// get returns the body of an answer 200, else nil.
func (c *config) get(url string) []byte {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // its own certificate, inside its own network
	}}
	resp, err := client.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	return body
}

func (c *config) awaitAPIServer() {
	await(func() bool { return c.get(apiServer+"/readyz") != nil })
}

// awaitNode waits until pods can be created and names resolved.
func (c *config) awaitNode() {
	await(func() bool { return nodeReady(c.get(apiServer + "/api/v1/nodes/" + nodeName)) })
	await(func() bool { return c.get(apiServer+"/api/v1/namespaces/default/serviceaccounts/default") != nil })
	await(func() bool { return c.get("http://127.0.0.1:8181/ready") != nil })
}

func nodeReady(body []byte) bool {
	var n struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if json.Unmarshal(body, &n) != nil {
		return false
	}
	for _, c := range n.Status.Conditions {
		if c.Type == "Ready" && c.Status == "True" {
			return true
		}
	}
	return false
}
