//! A port-forward with nothing in it but the measured bytes: what Hawser is held against.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use clap::{Args, Subcommand};
use hawser_client::kubeconfig::{self, Arguments, Environment, Interaction, Selection};
use hawser_e2e::probe::{flood, statistics};
use hawser_kube::{Api, PortForward, Protocol};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Measures over a bare port-forward to the pod of servers.
#[derive(Args)]
pub struct Bare {
    kubeconfig: PathBuf,
    port: u16,
    /// By messages of numbered channels in place of SPDY
    #[arg(long)]
    channels: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Bytes in one direction.
    Flood {
        direction: flood::Direction,
        #[arg(long, default_value_t = 3)]
        seconds: u64,
    },
    /// One byte, one at a time.
    PingPong {
        #[arg(long, default_value_t = 2000)]
        count: usize,
    },
}

impl Bare {
    /// Measures and prints one line of JSON.
    ///
    /// # Errors
    /// Fails if the way breaks.
    pub fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let report = runtime.block_on(async {
            let api = api(self.kubeconfig).await?;
            let protocol = if self.channels { Protocol::Channels } else { Protocol::Spdy };
            let stream = api.port_forward_by(&[protocol], "default", "bench", self.port).await;
            let stream = stream.context("the port-forward")?;
            match self.what {
                What::Flood { direction, seconds } => {
                    flood::measure(stream, direction, Duration::from_secs(seconds)).await
                }
                What::PingPong { count } => ping_pong(stream, count).await,
            }
        })?;
        println!("{report}");
        Ok(())
    }
}

/// The API server of a kubeconfig's current context.
///
/// # Errors
/// Whatever is wrong with the kubeconfig.
pub async fn api(kubeconfig: PathBuf) -> Result<Api> {
    let environment = Environment::of_this_process()?;
    let arguments = Arguments { kubeconfig: Some(kubeconfig), ..Arguments::default() };
    let refused = |fault| anyhow!("{fault}");
    let selection = Selection::new(arguments, &environment).map_err(refused)?;
    let access = kubeconfig::load(&selection, &environment).map_err(refused)?;
    access.api(&environment, Interaction::Unattended, Duration::from_secs(5)).await.map_err(refused)
}

async fn ping_pong(mut stream: PortForward, count: usize) -> Result<Value> {
    let mut samples = Vec::with_capacity(count);
    for round in 0..count + 100 {
        let started = Instant::now();
        stream.write_all(b"x").await?;
        stream.read_exact(&mut [0; 1]).await?;
        if round >= 100 {
            samples.push(started.elapsed());
        }
    }
    Ok(statistics::summary(samples))
}
