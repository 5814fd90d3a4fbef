// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// entry is a file of an image, or a folder if the name ends with a slash.
type entry struct {
	name    string
	mode    int64
	content string
}

// seeds are the images that the registry starts with. They are the same bytes at every start.
func seeds(pausePath, caPath string) (map[string]v1.Image, error) {
	program, err := os.ReadFile(pausePath)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(caPath)
	if err != nil {
		return nil, err
	}
	pause, err := image(v1.Config{Entrypoint: []string{"/pause"}, User: "65535:65535"}, entry{"pause", 0o755, string(program)})
	if err != nil {
		return nil, err
	}
	static, err := image(v1.Config{User: "65532:65532", WorkingDir: "/", Env: []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
	}},
		entry{"etc/group", 0o644, "root:x:0:\nnonroot:x:65532:\n"},
		entry{"etc/nsswitch.conf", 0o644, "hosts: files dns\n"},
		entry{"etc/passwd", 0o644, "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"},
		entry{"etc/ssl/certs/ca-certificates.crt", 0o644, string(ca)},
		entry{"home/nonroot/", 0o755, ""},
		entry{"tmp/", 0o1777, ""},
	)
	if err != nil {
		return nil, err
	}
	return map[string]v1.Image{"pause:1": pause, "static:latest": static}, nil
}

func image(config v1.Config, entries ...entry) (v1.Image, error) {
	layer, err := layer(entries)
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, config
	return mutate.ConfigFile(img, file)
}

func layer(entries []entry) (v1.Layer, error) {
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Mode: e.mode, Size: int64(len(e.content))}
		if e.name[len(e.name)-1] == '/' {
			h = &tar.Header{Typeflag: tar.TypeDir, Name: e.name, Mode: e.mode, Uid: 65532, Gid: 65532}
		}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(t, e.content); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
}
