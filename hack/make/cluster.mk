# The test cluster and the end-to-end suite: see docs/dev/cluster.md.

CLUSTER_BIN := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/aof/cluster/bin/cluster

.PHONY: cluster cluster-down cluster-env cluster-test kubectl e2e cluster-bin test-programs

# WITH_KUBE says to tests where etcd and kube-apiserver are, unless AOF_KUBE is
# set already.
ifeq ($(origin AOF_KUBE),undefined)
test-programs: cluster-bin
	@"$(CLUSTER_BIN)" programs >/dev/null
WITH_KUBE := AOF_KUBE="$$("$(CLUSTER_BIN)" programs)"
else
test-programs:
WITH_KUBE := AOF_KUBE="$(AOF_KUBE)"
endif

cluster-bin:
	@CGO_ENABLED=0 GOWORK=off go -C test/cluster build -buildvcs=false -trimpath -o "$(CLUSTER_BIN)" ./cmd/cluster

cluster: cluster-bin ## Start a one-node Kubernetes with Knative (root), or leave it if it stands
	@"$(CLUSTER_BIN)" up

cluster-down: cluster-bin ## Stop the test cluster and leave nothing behind
	@"$(CLUSTER_BIN)" down

cluster-env: cluster-bin ## Print what makes a shell use the test cluster: eval "$$(make -s cluster-env)"
	@"$(CLUSTER_BIN)" env

kubectl: cluster-bin ## Run kubectl in the test cluster: make kubectl ARGS='get pods -A'
	@"$(CLUSTER_BIN)" in kubectl $(ARGS)

cluster-test: ## Test the test cluster itself: it is isolated and leaves nothing behind (root)
	@cd test/cluster && GOWORK=off go test -count=1 -tags cluster ./... && cd knative && GOWORK=off go test ./kingress

e2e: cluster-bin ## Run the end-to-end suite on the test cluster, or on E2E_KUBECONFIG with KO_DOCKER_REPO; ARGS go to go test
	@"$(CLUSTER_BIN)" e2e $(ARGS)
