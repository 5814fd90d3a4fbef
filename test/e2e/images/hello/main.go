// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

// Command hello says hello; an event it answers with an event of type <type>.reply. With $KEEP_IN, a namespace, it
// writes each event down there before.
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
	var k *keeper
	if namespace := os.Getenv("KEEP_IN"); namespace != "" {
		var err error
		if k, err = newKeeper(namespace); err != nil {
			log.Fatal(err)
		}
	}
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
		if k != nil {
			if err := k.keep(r, body); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
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
