# The tools, each at one version. Raising one here is all there is to it: the
# file name carries the version, so an old binary is never taken for a new one.

GOLANGCI_LINT_VERSION  := v2.15.0
CONTROLLER_GEN_VERSION := v0.20.1
CODE_GENERATOR_VERSION := v0.35.7
TEMPORAL_VERSION       := v1.5.1
KNATIVE_PKG_VERSION    := $(shell awk '$$1 == "knative.dev/pkg" {print $$2}' go.mod)

define go-install
	@mkdir -p $(BIN) && echo "installing $(1)@$(2)" && \
	tmp=$$(mktemp -d) && GOBIN=$$tmp go install $(1)@$(2) && mv $$tmp/$(notdir $(1)) $@ && rmdir $$tmp
endef

$(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION):
	$(call go-install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION))

$(BIN)/controller-gen-$(CONTROLLER_GEN_VERSION):
	$(call go-install,sigs.k8s.io/controller-tools/cmd/controller-gen,$(CONTROLLER_GEN_VERSION))

CODE_GENERATORS := $(addprefix $(BIN)/,$(addsuffix -$(CODE_GENERATOR_VERSION),deepcopy-gen client-gen lister-gen informer-gen))
$(CODE_GENERATORS): $(BIN)/%-$(CODE_GENERATOR_VERSION):
	$(call go-install,k8s.io/code-generator/cmd/$*,$(CODE_GENERATOR_VERSION))

# The version go.mod requires: what it generates calls into that module.
$(BIN)/injection-gen-$(KNATIVE_PKG_VERSION): hack/codegen/injection-gen.sh
	@mkdir -p $(BIN) && echo "installing injection-gen@$(KNATIVE_PKG_VERSION)"
	@hack/codegen/injection-gen.sh $(KNATIVE_PKG_VERSION) $@

CODEGEN_TOOLS := $(BIN)/controller-gen-$(CONTROLLER_GEN_VERSION) $(CODE_GENERATORS) $(BIN)/injection-gen-$(KNATIVE_PKG_VERSION)

$(BIN)/temporal-$(TEMPORAL_VERSION):
	$(call go-install,github.com/temporalio/cli/cmd/temporal,$(TEMPORAL_VERSION))

.PHONY: codegen-tools
codegen-tools: $(CODEGEN_TOOLS)
	@for tool in $(notdir $(CODEGEN_TOOLS)); do ln -sf "$$tool" "$(BIN)/$${tool%%-v[0-9]*}"; done
