//! The sides of the comparison, started the same way.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use url::Url;

use super::drive::{Load, Sample, drive};
use super::peer::Peer;
use super::process::{Cores, Server, SlowDisk, free_address};
use super::product::Product;
use crate::Error;
use crate::workload::{Endpoints, Pad, Person, RelyingParty, Target, User, Workload};

/// How the floor is started.
#[derive(Debug)]
struct Floor {
    accounts: u32,
    client_key: String,
    refresh_without_id_token: bool,
}

/// How a side's server is started.
#[derive(Debug)]
enum Program {
    Floor(Floor),
    Product(Product),
    Peer(Peer),
}

/// A server with the people who use it.
pub(crate) struct Side {
    program: Program,
    log: PathBuf,
    cores: Cores,
    pub(crate) target: Arc<Target>,
    people: Vec<Person>,
    server: Option<Server>,
}

impl Side {
    /// The floor program: this same executable. It signs no more tokens in a rotation than `like` does.
    pub(crate) async fn floor(
        dir: &Path,
        cores: Cores,
        options: &super::Options,
        like: Option<&mut Self>,
    ) -> Result<Self, Error> {
        let refresh_without_id_token = match like {
            Some(product) => !product.refresh_gives_id_token().await?,
            None => false,
        };
        let accounts = options.floor_accounts;
        let address = free_address()?;
        let issuer = issuer_at(address)?;
        let client = RelyingParty::new(issuer.as_str())?;
        let mut side = Self {
            program: Program::Floor(Floor { accounts, client_key: client.key_hex(), refresh_without_id_token }),
            log: dir.join("floor.log"),
            cores,
            target: Arc::new(Target { name: "floor", address, issuer, endpoints: Endpoints::of_floor(), client }),
            people: without_pads(options.people.min(accounts)),
            server: None,
        };
        side.restart(None).await?;
        Ok(side)
    }

    /// The provider: configured in `dir`, with `people` accounts whose pads are activated over HTTP.
    pub(crate) async fn product(dir: &Path, cores: Cores, options: &super::Options) -> Result<Self, Error> {
        let address = free_address()?;
        let issuer = issuer_at(address)?;
        let client = RelyingParty::new(issuer.as_str().trim_end_matches('/'))?;
        let product = Product::configure(dir, options, address, &client)?;
        let accounts = product.create_accounts(options.people)?;
        let log = dir.join("product.log");
        let server = Server::start(product.serve(cores), address, &log).await?;
        let mut connection = crate::client::Connection::new(address, issuer.authority());
        let endpoints = Endpoints::discover(&mut connection).await?;
        let mut people = Vec::with_capacity(accounts.len());
        for (account, source) in accounts.into_iter().zip(loopback_addresses()) {
            // Everybody activates from home, as the limits expect.
            let mut connection = crate::client::Connection::new(address, issuer.authority()).from(source);
            let pad = Pad::activate(&mut connection, "/enrol/cipherpad", &account.email, &account.code).await?;
            people.push(Person { email: account.email, pad, cookies: Vec::new() });
        }
        Ok(Self {
            program: Program::Product(product),
            log,
            cores,
            target: Arc::new(Target { name: "product", address, issuer, endpoints, client }),
            people,
            server: Some(server),
        })
    }

    /// The reference server from npm, and its name and version. It takes whoever comes for whom they say they are.
    ///
    /// # Errors
    /// If it is not installed, or does not start.
    pub(crate) async fn peer(dir: &Path, cores: Cores, options: &super::Options) -> Result<(Self, String), Error> {
        let address = free_address()?;
        let issuer = issuer_at(address)?;
        let client = RelyingParty::new(issuer.as_str().trim_end_matches('/'))?;
        let peer = Peer::configure(&options.peer, dir, address, &client)?;
        let about = peer.about().to_owned();
        let log = dir.join("peer.log");
        let server = Server::start(peer.serve(cores), address, &log).await?;
        let mut connection = crate::client::Connection::new(address, issuer.authority());
        let endpoints = Endpoints::discover(&mut connection).await?;
        let side = Self {
            program: Program::Peer(peer),
            log,
            cores,
            target: Arc::new(Target { name: "reference", address, issuer, endpoints, client }),
            people: without_pads(options.people),
            server: Some(server),
        };
        Ok((side, about))
    }

    /// Stops the server and starts it again, on a slow disk if one is given.
    pub(crate) async fn restart(&mut self, disk: Option<&SlowDisk>) -> Result<(), Error> {
        self.server = None;
        let mut command = match &self.program {
            Program::Floor(floor) => {
                let mut command = self.cores.command(&std::env::current_exe()?);
                command.args(["floor", "--listen", &self.target.address.to_string()]);
                command.args(["--accounts", &floor.accounts.to_string(), "--client-key", &floor.client_key]);
                if floor.refresh_without_id_token {
                    command.arg("--refresh-without-id-token");
                }
                command
            }
            Program::Product(product) => product.serve(self.cores),
            Program::Peer(peer) => peer.serve(self.cores),
        };
        if let Some(disk) = disk {
            disk.apply(&mut command);
        }
        self.server = Some(Server::start(command, self.target.address, &self.log).await?);
        Ok(())
    }

    async fn refresh_gives_id_token(&mut self) -> Result<bool, Error> {
        let mut user = User::new(Arc::clone(&self.target), std::mem::take(&mut self.people));
        let gives = user.refresh_gives_id_token().await;
        self.people = user.into_people();
        gives
    }

    /// Puts one load on the server.
    pub(crate) async fn drive(&mut self, workload: Workload, load: Load) -> Result<Sample, Error> {
        let people = std::mem::take(&mut self.people);
        if people.len() < load.users {
            let error = format!("{} people cannot be {} users", people.len(), load.users);
            self.people = people;
            return Err(error.into());
        }
        let (people, sample) = drive(&self.target, people, workload, load).await;
        self.people = people;
        sample
    }

    /// Memory of the server, MiB.
    pub(crate) fn memory_mib(&self) -> Option<f64> {
        self.server.as_ref()?.memory_mib()
    }
}

/// People of a server that takes any answer, or asks for none.
fn without_pads(count: u32) -> Vec<Person> {
    (0..count)
        .map(|id| Person { email: format!("load{id}@example.test"), pad: Pad::None, cookies: Vec::new() })
        .collect()
}

/// 127.1.0.1, 127.1.0.2, …
fn loopback_addresses() -> impl Iterator<Item = Ipv4Addr> {
    (1..u32::from(u16::MAX)).map(|n| Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 0).to_bits() + n))
}

fn issuer_at(address: SocketAddr) -> Result<Url, Error> {
    Ok(Url::parse(&format!("http://{address}"))?)
}
