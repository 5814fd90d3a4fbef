// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"os"

	"k8s.io/client-go/rest"
)

// CAOf gives the certificates of a client's configuration, read anew each time,
// since a cluster may change them.
func CAOf(c *rest.Config) func() ([]byte, error) {
	return func() ([]byte, error) {
		if len(c.CAData) > 0 {
			return c.CAData, nil
		}
		if c.CAFile == "" {
			return nil, errors.New("the client's configuration names none")
		}
		return os.ReadFile(c.CAFile)
	}
}
