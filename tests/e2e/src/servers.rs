//! Shell commands that start well-known servers in the cluster.

/// nginx on [`NGINX_PORT`], with a small page and a big one.
pub const NGINX: &str = include_str!("servers/nginx.sh");
/// Where nginx listens.
pub const NGINX_PORT: u16 = 8080;
/// PostgreSQL on its own port, open to everybody in the world.
pub const POSTGRESQL: &str = include_str!("servers/postgresql.sh");
