package main

import (
	"fmt"
	"net/url"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
)

// etcdCommand serves one member on a loopback address. It syncs nothing to the disk: no test needs its data after a crash.
func etcdCommand() *cobra.Command {
	config := embed.NewConfig()
	config.UnsafeNoFsync = true
	config.LogLevel = "error"
	command := &cobra.Command{Use: "etcd", Args: cobra.NoArgs, RunE: func(command *cobra.Command, _ []string) error {
		clients := url.URL{Scheme: "http", Host: "127.0.0.1:2379"}
		peers := url.URL{Scheme: "http", Host: "127.0.0.1:2380"}
		config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{clients}, []url.URL{clients}
		config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peers}, []url.URL{peers}
		config.InitialCluster = config.InitialClusterFromName(config.Name)
		stop, release := signal.NotifyContext(command.Context(), syscall.SIGTERM, syscall.SIGINT)
		defer release()
		member, err := embed.StartEtcd(config)
		if err != nil {
			return fmt.Errorf("etcd does not start: %w", err)
		}
		defer member.Close()
		select {
		case <-stop.Done():
			return nil
		case err := <-member.Err():
			return fmt.Errorf("etcd ended: %w", err)
		}
	}}
	command.Flags().StringVar(&config.Dir, "data-dir", "", "where the data is kept")
	return command
}
