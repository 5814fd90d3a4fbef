// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command registry serves a container registry that starts out with the two images a cluster needs before anything
// can be built for it: pause (the sandbox of every pod) and static (the base image for ko).
//
//	registry -listen 10.77.0.1:5000 -pause bin/pause -ca /etc/ssl/certs/ca-certificates.crt -dir dir
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:5000", "address")
	pause := flag.String("pause", "", "the pause program, linked statically")
	ca := flag.String("ca", "", "CA bundle of the static image")
	dir := flag.String("dir", "", "folder that keeps what is pushed")
	flag.Parse()
	if err := run(*listen, *pause, *ca, *dir); err != nil {
		log.Fatal(err)
	}
}

func run(listen, pause, ca, dir string) error {
	blobs, manifests := filepath.Join(dir, "blobs"), manifestStore(filepath.Join(dir, "manifests"))
	for _, d := range []string{blobs, string(manifests)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	images, err := seeds(pause, ca)
	if err != nil {
		return err
	}
	handler := registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)), registry.Logger(log.New(io.Discard, "", 0)))
	if err := manifests.replay(handler); err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- http.Serve(l, manifests.keep(handler)) }() //nolint:gosec // no strangers in this network
	for ref, image := range images {
		if err := push(listen+"/"+ref, image); err != nil {
			return err
		}
	}
	log.Print("ready on ", listen)
	return <-served
}

func push(ref string, image v1.Image) error {
	r, err := name.ParseReference(ref)
	if err != nil {
		return err
	}
	if err := remote.Write(r, image); err != nil {
		return fmt.Errorf("pushing %s: %w", ref, err)
	}
	return nil
}
