// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command hello says hello; an event it answers with an event of type <type>.reply.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	started := time.Now()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Process-Started", strconv.FormatInt(started.UnixMilli(), 10))
		if r.Header.Get("Ce-Id") == "" {
			fmt.Fprintln(w, "hello")
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		h := w.Header()
		h.Set("Ce-Specversion", "1.0")
		h.Set("Ce-Id", r.Header.Get("Ce-Id")+"-reply")
		h.Set("Ce-Type", r.Header.Get("Ce-Type")+".reply")
		h.Set("Ce-Source", "/hello")
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})
	log.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil)) //nolint:gosec // a test image
}
