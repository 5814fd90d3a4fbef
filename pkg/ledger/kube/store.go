// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"

	aofv1 "aof.dev/operator/pkg/apis/aof/v1"
	"aof.dev/operator/pkg/ledger"
)

// resource is the runs' name in the API's paths.
const resource = "flowruns"

// Store is the ledger behind an API server.
type Store struct{ client rest.Interface }

var _ ledger.Store = (*Store)(nil)

// New makes a store over the REST client of aof.dev/v1, as the generated
// clientset has one. It makes no request.
func New(client rest.Interface) *Store { return &Store{client: client} }

// Create implements ledger.Store. One that fails for any other reason than the
// ledger's errors may have happened all the same; trying again then gives
// ErrExists.
func (s *Store) Create(ctx context.Context, run *aofv1.FlowRun) error {
	return about("create", run.Namespace, run.Name, s.create(ctx, run))
}

func (s *Store) create(ctx context.Context, run *aofv1.FlowRun) error {
	if run.ResourceVersion != "" {
		return fmt.Errorf("%w: a new run has no resourceVersion", ledger.ErrInvalid)
	}
	if err := checkName(run.Namespace, run.Name); err != nil {
		return err
	}
	given := run.DeepCopy()
	delete(given.Labels, ledger.LabelFolded)
	body, err := encode(given)
	if err != nil {
		return err
	}
	stored, err := answered(send(s.client.Post(), body).Namespace(run.Namespace).Resource(resource).Do(ctx))
	if err != nil {
		return err
	}
	// The API server adds to the metadata only: there are no defaults in a run.
	*run = *tidy(given)
	run.UID, run.ResourceVersion, run.Generation = stored.UID, stored.ResourceVersion, stored.Generation
	run.CreationTimestamp = stored.CreationTimestamp
	return nil
}

// answered reads the answer to a write, of which only the metadata was asked for.
func answered(result rest.Result) (metav1.ObjectMeta, error) {
	if err := result.Error(); err != nil { // it tells more than Raw's
		return metav1.ObjectMeta{}, mapped(err)
	}
	raw, err := result.Raw()
	if err != nil {
		return metav1.ObjectMeta{}, mapped(err)
	}
	var answer metav1.PartialObjectMetadata
	if err := json.Unmarshal(raw, &answer); err != nil || answer.ResourceVersion == "" {
		return metav1.ObjectMeta{}, errNoVersion
	}
	return answer.ObjectMeta, nil
}

// Get implements ledger.Store.
func (s *Store) Get(ctx context.Context, namespace, name string) (*aofv1.FlowRun, error) {
	// A name that is none would make another request of this.
	if err := checkName(namespace, name); err != nil {
		return nil, about("get", namespace, name, fmt.Errorf("%w: %w", ledger.ErrNotFound, err))
	}
	run := &aofv1.FlowRun{}
	err := s.client.Get().Namespace(namespace).Resource(resource).Name(name).Do(ctx).Into(run)
	if err != nil {
		return nil, about("get", namespace, name, mapped(err))
	}
	return tidy(run), nil
}

// Update implements ledger.Store. The whole run is sent, since admission looks
// at it, but the API takes nothing but the status from it.
func (s *Store) Update(ctx context.Context, run *aofv1.FlowRun) error {
	stored, err := s.update(ctx, run)
	if err != nil {
		return about("update", run.Namespace, run.Name, err)
	}
	run.ResourceVersion, run.Generation = stored.ResourceVersion, stored.Generation
	return nil
}

func (s *Store) update(ctx context.Context, run *aofv1.FlowRun) (metav1.ObjectMeta, error) {
	none := metav1.ObjectMeta{}
	if run.ResourceVersion == "" {
		return none, fmt.Errorf("%w: no resourceVersion", ledger.ErrInvalid)
	}
	if _, err := strconv.ParseUint(run.ResourceVersion, 10, 64); err != nil {
		return none, ledger.ErrConflict // not a version of this store
	}
	if err := checkName(run.Namespace, run.Name); err != nil {
		return none, fmt.Errorf("%w: %w", ledger.ErrNotFound, err)
	}
	given := run.DeepCopy()
	// Who wrote which field is of no use where every write is on condition of the
	// resourceVersion, and makes a third of a run: an empty entry clears it.
	given.ManagedFields = []metav1.ManagedFieldsEntry{{}}
	body, err := encode(given)
	if err != nil {
		return none, err
	}
	return answered(send(s.client.Put(), body).Namespace(run.Namespace).Resource(resource).Name(run.Name).Do(ctx))
}

// Delete implements ledger.Store.
func (s *Store) Delete(ctx context.Context, namespace, name string) error {
	if err := checkName(namespace, name); err != nil {
		return about("delete", namespace, name, fmt.Errorf("%w: %w", ledger.ErrNotFound, err))
	}
	err := s.client.Delete().Namespace(namespace).Resource(resource).Name(name).Do(ctx).Error()
	return about("delete", namespace, name, mapped(err))
}

// checkName refuses what the API would refuse, or would take for a whole
// collection.
func checkName(namespace, name string) error {
	switch {
	case len(validation.IsDNS1123Subdomain(name)) > 0:
		return fmt.Errorf("%w: metadata.name must be a DNS-1123 subdomain", ledger.ErrInvalid)
	case len(validation.IsDNS1123Label(namespace)) > 0:
		return fmt.Errorf("%w: metadata.namespace must be a DNS-1123 label", ledger.ErrInvalid)
	}
	return nil
}

// encode gives the body of a request, and refuses one over the ledger's limit.
func encode(run *aofv1.FlowRun) ([]byte, error) {
	run.TypeMeta = typeMeta()
	body, err := json.Marshal(run)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ledger.ErrInvalid, err)
	}
	if len(body) > ledger.MaxRunBytes {
		return nil, tooLarge(len(body))
	}
	return body, nil
}

// metadataOnly asks for the metadata of what was written: the rest is what was
// sent. Who does not know the form sends all.
const metadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

func send(request *rest.Request, body []byte) *rest.Request {
	return request.SetHeader("Content-Type", "application/json").SetHeader("Accept", metadataOnly).Body(body)
}

// tidy makes a run from the API what a run from any ledger is. Who wrote which
// field is the API's own business, and larger than most runs.
func tidy(run *aofv1.FlowRun) *aofv1.FlowRun {
	run.TypeMeta = typeMeta()
	run.ManagedFields = nil
	return run
}

func typeMeta() metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: aofv1.SchemeGroupVersion.String(), Kind: "FlowRun"}
}
