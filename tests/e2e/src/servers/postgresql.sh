# A fresh PostgreSQL that trusts everybody; it refuses to run as root.
data=$(mktemp -d) && bin=$(find /usr/lib/postgresql/*/bin -maxdepth 0 | tail -n 1)
run=
if [ "$(id -u)" = 0 ]; then
    chown postgres "$data"
    run="setpriv --reuid postgres --regid postgres --clear-groups"
fi
$run "$bin/initdb" -D "$data/db" -U postgres -A trust --no-sync >/dev/null &&
    echo "host all all all trust" >>"$data/db/pg_hba.conf" &&
    exec $run "$bin/postgres" -D "$data/db" -k "$data" -c fsync=off \
        -c "listen_addresses=$HAWSER_DEMO_CLUSTER_IP,$HAWSER_DEMO_CLUSTER_IP6"
