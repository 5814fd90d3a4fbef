// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

// keeper writes events down before they are answered, each as one ConfigMap: the least that a service can do that
// must not lose any.
type keeper struct {
	client     *http.Client
	url, token string
}

func newKeeper(namespace string) (*keeper, error) {
	const account = "/var/run/secrets/kubernetes.io/serviceaccount/"
	token, err := os.ReadFile(account + "token")
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(account + "ca.crt")
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &keeper{
		client: &http.Client{Transport: &http.Transport{
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		}},
		url:   "https://kubernetes.default.svc/api/v1/namespaces/" + namespace + "/configmaps",
		token: string(token),
	}, nil
}

func (k *keeper) keep(r *http.Request, event []byte) error {
	object, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"generateName": "kept-"},
		"data": map[string]string{"id": r.Header.Get("Ce-Id"), "type": r.Header.Get("Ce-Type"), "data": string(event)},
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, k.url, bytes.NewReader(object))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+k.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := k.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusCreated {
		err = fmt.Errorf("the API server says %s: %s", response.Status, answer)
	}
	return err
}
