# nginx with a small page and a big one, keep-alive without an end.
root=$(mktemp -d) && chmod 755 "$root" && echo "Hello from the quay." >"$root/index.html" && head -c 5000000 /dev/zero >"$root/big"
cat >"$root/nginx.conf" <<END
daemon off; worker_processes 1; error_log stderr error; pid $root/pid;
events { worker_connections 8192; }
http {
    access_log off; keepalive_requests 100000000; default_type text/plain;
    client_body_temp_path $root/a; proxy_temp_path $root/b; fastcgi_temp_path $root/c; uwsgi_temp_path $root/d; scgi_temp_path $root/e;
    server {
        listen $HAWSER_DEMO_CLUSTER_IP:8080 backlog=4096; listen [$HAWSER_DEMO_CLUSTER_IP6]:8080 backlog=4096;
        root $root;
    }
}
END
exec nginx -e stderr -c "$root/nginx.conf"
