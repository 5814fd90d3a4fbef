// Copyright The AOF Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"aof.dev/operator/pkg/names"
)

const (
	// Lifetime is what is asked for. The API server may grant less.
	Lifetime = 24 * time.Hour
	// Server is the API server as pods know it.
	Server = "https://kubernetes.default.svc"

	// annotationRenew is when the token is to be renewed, annotationAccount the UID
	// of the ServiceAccount it was made for: one of the same name that was made
	// anew does not honour it.
	annotationRenew   = "aof.dev/token-renew-at"
	annotationAccount = "aof.dev/service-account-uid"

	// patience keeps a clock that is wrong, or a grant that is very short, from
	// renewing in a loop.
	patience = time.Minute
)

// ErrNotOurs says that a Secret of the name exists which the operator did not
// make.
var ErrNotOurs = errors.New("a Secret of that name exists that the operator did not make")

// Keeper mints tokens and keeps them in Secrets.
type Keeper struct {
	// Kube makes tokens and writes Secrets.
	Kube kubernetes.Interface
	// CA gives the certificates, in PEM, that the API server is known by.
	CA func() ([]byte, error)
	// Clock tells when to renew.
	Clock clock.PassiveClock
}

// Request is a token that should be there.
type Request struct {
	// Account is the ServiceAccount, as it is in the cluster now.
	Account *corev1.ServiceAccount
	// Secret names the Secret in the account's namespace.
	Secret string
	// Existing is the Secret as it is now, nil when there is none.
	Existing *corev1.Secret
	// Labels stand on the Secret beside names.LabelManaged.
	Labels map[string]string
}

// Ensure sees to it that the Secret holds a token that is good for a while, and
// says how long nothing needs to be done. It writes only when it must.
func (k *Keeper) Ensure(ctx context.Context, r Request) (time.Duration, error) {
	if r.Existing != nil && r.Existing.Labels[names.LabelManaged] != "true" {
		return 0, fmt.Errorf("secret %s/%s: %w", r.Account.Namespace, r.Secret, ErrNotOurs)
	}
	ca, err := k.CA()
	if err != nil {
		return 0, fmt.Errorf("read the API server's certificates: %w", err)
	}
	now := k.Clock.Now()
	if rest := k.rest(r, ca, now); rest > 0 {
		return rest, nil
	}
	granted, err := k.mint(ctx, r.Account)
	if err != nil {
		return 0, err
	}
	rest := max(granted.Status.ExpirationTimestamp.Sub(now)/2, patience)
	if err := k.write(ctx, r, desired(r, granted.Status.Token, ca, now.Add(rest))); err != nil {
		return 0, err
	}
	return rest, nil
}

// rest is how long the Secret may stay as it is; nothing when it may not.
func (k *Keeper) rest(r Request, ca []byte, now time.Time) time.Duration {
	s := r.Existing
	if s == nil || s.Annotations[annotationAccount] != string(r.Account.UID) || len(s.Data[names.EnvAPIToken]) == 0 ||
		string(s.Data[names.EnvAPICA]) != string(ca) || string(s.Data[names.EnvAPIServer]) != Server {
		return 0
	}
	for key, value := range r.Labels {
		if s.Labels[key] != value {
			return 0
		}
	}
	at, err := time.Parse(time.RFC3339, s.Annotations[annotationRenew])
	if err != nil || at.Sub(now) > Lifetime {
		return 0
	}
	return at.Sub(now)
}

func (k *Keeper) mint(ctx context.Context, account *corev1.ServiceAccount) (*authenticationv1.TokenRequest, error) {
	granted, err := k.Kube.CoreV1().ServiceAccounts(account.Namespace).CreateToken(ctx, account.Name, &authenticationv1.TokenRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: account.Namespace, Name: account.Name},
		Spec:       authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(Lifetime / time.Second))},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("ask for a token of service account %s/%s: %w", account.Namespace, account.Name, err)
	}
	if granted.Status.Token == "" {
		return nil, fmt.Errorf("ask for a token of service account %s/%s: none was given", account.Namespace, account.Name)
	}
	return granted, nil
}

func desired(r Request, token string, ca []byte, renew time.Time) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.Account.Namespace, Name: r.Secret}, Type: corev1.SecretTypeOpaque}
	if r.Existing != nil {
		s = r.Existing.DeepCopy()
	}
	s.Labels, s.Annotations = maps.Clone(s.Labels), maps.Clone(s.Annotations)
	if s.Labels == nil {
		s.Labels = map[string]string{}
	}
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	maps.Copy(s.Labels, r.Labels)
	s.Labels[names.LabelManaged] = "true"
	s.Annotations[annotationAccount] = string(r.Account.UID)
	s.Annotations[annotationRenew] = renew.UTC().Format(time.RFC3339)
	s.Data = map[string][]byte{
		names.EnvAPIServer: []byte(Server), names.EnvAPICA: ca, names.EnvAPIToken: []byte(token),
	}
	return s
}

func (k *Keeper) write(ctx context.Context, r Request, s *corev1.Secret) error {
	secrets := k.Kube.CoreV1().Secrets(s.Namespace)
	var err error
	if r.Existing == nil {
		_, err = secrets.Create(ctx, s, metav1.CreateOptions{})
	} else {
		_, err = secrets.Update(ctx, s, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("write secret %s: %w", types.NamespacedName{Namespace: s.Namespace, Name: s.Name}, err)
	}
	return nil
}
