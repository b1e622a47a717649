//! A simulated chip behind an HTTP server that speaks OpenAI's API: several users in flight, each answer with the chip's own time and energy.
//!
//! - `chip`: the one thread that has the chip; requests wait for a place on it, and those in flight take turns token by token;
//! - `api`: what a request may say, and its answer's shape; every field passes here, and what cannot be honoured is refused by name;
//! - `host`: the chip and what turns text into its tokens;
//! - `routes`: the paths, streaming, and the page at `/`.
//!
//! An answer holds the very tokens that `hardwire simulate` gives for the same prompt and sampling, whoever else is in flight.
//! Nothing here prints or exits.
//!
//! ```
//! use hardwire_serve::{Options, Server};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("tales.chip");
//! # let chip = hardwire_compiler::compile(&hardwire_models::Checkpoint::bundled(), &Default::default(), &path, &|_| {})?;
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let server = Server::bind(chip, Options::default()).await?;
//! println!("http://{}", server.address());
//! // Until the future given here is ready: then what is in flight is finished, and nothing new is taken.
//! server.run(std::future::ready(())).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api;
mod chip;
mod host;
mod routes;

use chip::Line;
use hardwire_models::Tokenizer;
use hardwire_netlist::Chip;
use hardwire_study::conversation::chat_template;
use host::Host;
pub use routes::MOST_BODY;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Time for the answers in flight when a server is stopped: less than the ten seconds after which `docker stop` kills.
pub const LAST_ANSWERS: Duration = Duration::from_secs(8);

/// How a chip is served.
#[derive(Clone, Debug)]
pub struct Options {
    pub host: IpAddr,
    /// 0 takes a free one.
    pub port: u16,
    /// Requests that may wait for a place on the chip.
    pub queue: usize,
    /// The die as an SVG, shown by the page at `/`.
    pub die_svg: String,
}

impl Default for Options {
    fn default() -> Self {
        Options { host: Ipv4Addr::LOCALHOST.into(), port: 0, queue: 64, die_svg: String::new() }
    }
}

/// Why a chip cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{address}: cannot listen: {source}; hint: another --port, or 0 for a free one")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the chip has no tokenizer: a server needs text")]
    NoTokenizer,
    #[error(transparent)]
    Chip(#[from] hardwire_netlist::Error),
    #[error(transparent)]
    Model(#[from] hardwire_models::Error),
    #[error(transparent)]
    Study(#[from] hardwire_study::Error),
    #[error("the server stopped: {0}")]
    Stopped(#[from] std::io::Error),
}

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    host: Arc<Host>,
    queue: usize,
}

impl Server {
    /// Listens where `options` say; nobody is answered before [`Server::run`].
    ///
    /// # Errors
    /// A chip without a tokenizer, or an address that cannot be had.
    pub async fn bind(chip: Chip, options: Options) -> Result<Server, Error> {
        let tokenizer = Tokenizer::from_json(&chip.tokenizer_json()?.ok_or(Error::NoTokenizer)?)?;
        let chat_template = chat_template(&chip)?;
        let wanted = SocketAddr::new(options.host, options.port);
        let listen = |source| Error::Listen { address: wanted, source };
        let listener = TcpListener::bind(wanted).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let host = Host { chip, tokenizer, chat_template, die_svg: options.die_svg, began: host::now() };
        Ok(Server { listener, address, host: Arc::new(host), queue: options.queue })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is ready; then nobody else is taken, and those in flight have [`LAST_ANSWERS`] to be finished.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let line = Line::open(self.host.clone(), self.queue);
        let router = routes::router(self.host, line, self.address.ip().is_loopback());
        let (stopped, stopping) = oneshot::channel::<()>();
        let serve = axum::serve(self.listener, router).with_graceful_shutdown(async {
            stop.await;
            drop(stopped);
        });
        let too_long = async {
            let _ = stopping.await;
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            done = serve => Ok(done?),
            () = too_long => Ok(()),
        }
    }
}
