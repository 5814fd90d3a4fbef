// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// Env names the folder with etcd, kube-apiserver and kubectl.
const Env = "AOF_KUBE"

// startTimeout is how long the API server may take to be ready.
const startTimeout = 90 * time.Second

// Server is a running API server.
type Server struct {
	// Config is the administrator's, without a limit on requests.
	Config *rest.Config
	// Kubeconfig is the same as a file.
	Kubeconfig string

	programs  string
	dir       string
	processes []*process
}

var shared *Server

// Main runs a package's tests with a server that Shared gives them, if AOF_KUBE
// says where its programs are. It returns the exit code.
func Main(m *testing.M) int {
	if os.Getenv(Env) == "" {
		return m.Run()
	}
	s, err := startForAll()
	if err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		return 1
	}
	defer s.Stop()
	shared = s
	return m.Run()
}

// startForAll tries twice: a port that was free may have been taken since.
func startForAll() (s *Server, err error) {
	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		s, err = Start(ctx)
		cancel()
		if err == nil {
			return s, nil
		}
	}
	return nil, err
}

// Shared is the server that Main started. Without AOF_KUBE the test is skipped.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	if shared == nil {
		tb.Skip(Env + " names no folder with etcd and kube-apiserver; make test builds them and sets it")
	}
	return shared
}

// Start starts a server and installs the operator's kinds. Stop ends it; if the
// process dies, so does the server.
func Start(ctx context.Context) (*Server, error) {
	s := &Server{programs: os.Getenv(Env)}
	if _, err := os.Stat(s.program("kube-apiserver")); err != nil {
		return nil, fmt.Errorf("%s: %w", Env, err)
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "aof-apiserver-"); err != nil {
		return nil, err
	}
	if err := errors.Join(s.start(ctx), ctx.Err()); err != nil {
		log := s.lastWords()
		s.Stop()
		return nil, fmt.Errorf("start the API server: %w\n%s", err, log)
	}
	return s, nil
}

// Stop ends the server and removes what it kept.
func (s *Server) Stop() {
	for i := len(s.processes) - 1; i >= 0; i-- {
		s.processes[i].kill()
	}
	_ = os.RemoveAll(s.dir) // in the folder for temporary files
}

func (s *Server) program(name string) string { return filepath.Join(s.programs, name) }
func (s *Server) path(name string) string    { return filepath.Join(s.dir, name) }

func (s *Server) start(ctx context.Context) error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	token, err := s.write()
	if err != nil {
		return err
	}
	etcd, peer := loopback("http", ports[0]), loopback("http", ports[1])
	if err := s.run("etcd", "--data-dir", s.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls", etcd, "--advertise-client-urls", etcd,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer); err != nil {
		return err
	}
	if err := s.run("kube-apiserver", "--etcd-servers", etcd, "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
		"--secure-port", strconv.Itoa(ports[2]), "--cert-dir", s.path("pki"), "--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC", "--anonymous-auth=false", "--token-auth-file", s.path("tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file", s.path("sa.key"),
		"--service-account-signing-key-file", s.path("sa.key"),
		"--audit-policy-file", s.path("audit.yaml"), "--audit-log-path", s.path("audit.log"), "--audit-log-mode=blocking", "--audit-log-maxsize=4000",
		"--endpoint-reconciler-type=none"); err != nil {
		return err
	}
	if err := s.connect(ctx, loopback("https", ports[2]), token); err != nil {
		return err
	}
	return s.installKinds(ctx)
}

// run starts one of the programs.
func (s *Server) run(name string, args ...string) error {
	p, err := startProcess(s.program(name), args, s.path(name+".log"))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.processes = append(s.processes, p)
	return nil
}

// write lays out the files that the server reads, and gives the administrator's
// token.
func (s *Server) write() (token string, err error) {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	token = hex.EncodeToString(raw)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return token, errors.Join(
		os.WriteFile(s.path("sa.key"), pem.EncodeToMemory(block), 0o600),
		os.WriteFile(s.path("tokens.csv"), []byte(token+",admin,admin,system:masters\n"), 0o600),
		os.WriteFile(s.path("audit.yaml"), []byte(auditPolicy), 0o600),
	)
}

// connect waits until the server is ready and keeps how it is reached.
func (s *Server) connect(ctx context.Context, url, token string) error {
	certificate := s.path("pki/apiserver.crt")
	for {
		s.Config = &rest.Config{Host: url, BearerToken: token, QPS: -1}
		if pem, err := os.ReadFile(certificate); err == nil {
			s.Config.CAData = pem
			if ready(ctx, s.Config) == nil {
				break
			}
		}
		for _, p := range s.processes {
			if p.ended() {
				return fmt.Errorf("%s ended", filepath.Base(p.name))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	s.Kubeconfig = s.path("kubeconfig")
	return os.WriteFile(s.Kubeconfig, fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters: [{name: aof, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: admin, user: {token: %q}}]
contexts: [{name: aof, context: {cluster: aof, user: admin}}]
current-context: aof
`, url, certificate, token), 0o600)
}

func ready(ctx context.Context, config *rest.Config) error {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("readyz: %s", response.Status)
	}
	return nil
}

func loopback(scheme string, port int) string {
	return scheme + "://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// freePorts asks for ports that nobody listens on. Another process may take one
// before we do; then the start fails and says so.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		address, ok := l.Addr().(*net.TCPAddr)
		if !ok {
			return nil, fmt.Errorf("%s is no TCP address", l.Addr())
		}
		ports = append(ports, address.Port)
	}
	return ports, nil
}

// Root is the folder of the operator's sources.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	if !filepath.IsAbs(file) { // built with -trimpath
		dir, _ := os.Getwd()
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "config", "core")); err == nil {
				return dir
			}
		}
	}
	return filepath.Join(filepath.Dir(file), "..", "..")
}
