# The tools, each at one version. Raising one here is all there is to it: the
# file name carries the version, so an old binary is never taken for a new one.

GOLANGCI_LINT_VERSION  := v2.15.0
CONTROLLER_GEN_VERSION := v0.20.1
CODE_GENERATOR_VERSION := v0.35.7

define go-install
	@mkdir -p $(BIN) && echo "installing $(1)@$(2)" && \
	tmp=$$(mktemp -d) && GOBIN=$$tmp go install $(1)@$(2) && mv $$tmp/$(notdir $(1)) $@ && rmdir $$tmp
endef

$(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION):
	$(call go-install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION))

$(BIN)/controller-gen-$(CONTROLLER_GEN_VERSION):
	$(call go-install,sigs.k8s.io/controller-tools/cmd/controller-gen,$(CONTROLLER_GEN_VERSION))

$(BIN)/deepcopy-gen-$(CODE_GENERATOR_VERSION):
	$(call go-install,k8s.io/code-generator/cmd/deepcopy-gen,$(CODE_GENERATOR_VERSION))

.PHONY: codegen-tools
codegen-tools: $(BIN)/controller-gen-$(CONTROLLER_GEN_VERSION) $(BIN)/deepcopy-gen-$(CODE_GENERATOR_VERSION)
	@ln -sf controller-gen-$(CONTROLLER_GEN_VERSION) $(BIN)/controller-gen
	@ln -sf deepcopy-gen-$(CODE_GENERATOR_VERSION) $(BIN)/deepcopy-gen
