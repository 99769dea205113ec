package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// lifetime of every certificate; a cluster lives for minutes.
const lifetime = 7 * 24 * time.Hour

// pkiCommand writes all keys of a cluster, new ones each time: the authority, the servers' certificates, the key of service
// accounts, and a kubeconfig for each of the identities.
func pkiCommand() *cobra.Command {
	var folder string
	var address net.IP
	command := &cobra.Command{Use: "pki", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return writeKeys(folder, address)
	}}
	command.Flags().StringVar(&folder, "folder", ".", "where to write")
	command.Flags().IPVar(&address, "address", nil, "the node's address, where the API server listens")
	return command
}

// identities are the users of the cluster's parts, then of people.
var identities = map[string]pkix.Name{
	"controller-manager": {CommonName: "system:kube-controller-manager"},
	"scheduler":          {CommonName: "system:kube-scheduler"},
	"proxy":              {CommonName: "system:kube-proxy"},
	"kubelet":            {CommonName: "system:node:node", Organization: []string{"system:nodes"}},
	"admin":              {CommonName: "admin", Organization: []string{"system:masters"}},
	"developer":          {CommonName: "dev", Organization: []string{"developers"}},
	"stranger":           {CommonName: "eve", Organization: []string{"strangers"}},
}

func writeKeys(folder string, address net.IP) error {
	authority, err := issue(nil, pkix.Name{CommonName: "cluster"}, nil, nil)
	if err != nil {
		return err
	}
	local := net.IPv4(127, 0, 0, 1)
	names := []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	type wanted struct {
		subject   pkix.Name
		names     []string
		addresses []net.IP
	}
	pairs := map[string]wanted{
		"apiserver":        {pkix.Name{CommonName: "kube-apiserver"}, names, []net.IP{address, local, net.IPv4(10, 96, 0, 1)}},
		"kubelet-server":   {pkix.Name{CommonName: "node"}, []string{"node"}, []net.IP{address, local}},
		"apiserver-client": {pkix.Name{CommonName: "apiserver", Organization: []string{"system:masters"}}, nil, nil},
		"front-proxy":      {pkix.Name{CommonName: "front-proxy"}, nil, nil},
		"service-accounts": {pkix.Name{CommonName: "service-accounts"}, nil, nil},
	}
	for name, subject := range identities {
		pairs[name] = wanted{subject: subject}
	}
	if err := authority.write(folder, "authority"); err != nil {
		return err
	}
	for name, wanted := range pairs {
		pair, err := issue(authority, wanted.subject, wanted.names, wanted.addresses)
		if err != nil {
			return err
		}
		if err := pair.write(folder, name); err != nil {
			return err
		}
		if _, person := identities[name]; person {
			if err := pair.writeKubeconfig(folder, name, "https://"+address.String()+":6443", authority); err != nil {
				return err
			}
		}
	}
	return nil
}

// pair is a key with its certificate, both in PEM too.
type pair struct {
	certificate    *x509.Certificate
	key            *ecdsa.PrivateKey
	certificatePEM []byte
	keyPEM         []byte
}

// issue signs by the authority; without one it makes an authority.
func issue(authority *pair, subject pkix.Name, names []string, addresses []net.IP) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		DNSNames:     names,
		IPAddresses:  addresses,
	}
	issuer, signer := template, key
	if authority == nil {
		template.IsCA = true
		template.BasicConstraintsValid = true
		template.KeyUsage |= x509.KeyUsageCertSign
	} else {
		issuer, signer = authority.certificate, authority.key
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &pair{
		certificate:    certificate,
		key:            key,
		certificatePEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		keyPEM:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
	}, nil
}

func (p *pair) write(folder, name string) error {
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path+".crt", p.certificatePEM, 0o600); err != nil {
		return err
	}
	return os.WriteFile(path+".key", p.keyPEM, 0o600)
}

func (p *pair) writeKubeconfig(folder, name, server string, authority *pair) error {
	config := api.NewConfig()
	config.Clusters["rig"] = &api.Cluster{Server: server, CertificateAuthorityData: authority.certificatePEM}
	config.AuthInfos[name] = &api.AuthInfo{ClientCertificateData: p.certificatePEM, ClientKeyData: p.keyPEM}
	config.Contexts["rig"] = &api.Context{Cluster: "rig", AuthInfo: name, Namespace: "default"}
	config.CurrentContext = "rig"
	if err := clientcmd.WriteToFile(*config, filepath.Join(folder, name+".kubeconfig")); err != nil {
		return fmt.Errorf("kubeconfig of %s: %w", name, err)
	}
	return nil
}
