//! `gannet relay`.

use gannet::{
    relay::{Key, Relay, RelayConfig, StartError},
    tracker::{AllowList, TrustedProxies},
};

use crate::{
    cli::RelayArgs,
    exit::{Exit, Failure, OrFail},
    interrupt::Interrupt,
    output::print,
};

/// Runs a relay until it is interrupted, then lets it drain; a second interrupt ends it at once.
pub(super) async fn run(args: RelayArgs) -> Result<Exit, Failure> {
    let mut interrupt = Interrupt::listen().or_fail(Exit::Failed, "signals")?;
    let (quiet, drain, is_tls) = (args.quiet, args.drain, args.cert.is_some());
    let started = Relay::start(config(args)?).await;
    let relay = started.map_err(|error| match error {
        StartError::Listen { .. } => Failure::new(Exit::Network, error),
        StartError::Tls(_) => Failure::new(Exit::Failed, error),
    })?;
    if !quiet {
        let scheme = if is_tls { "wss" } else { "ws" };
        print(format!("{scheme}://{}\n", relay.addr()))?;
    }
    interrupt.wanted().await;
    relay.drain(drain).await;
    Ok(Exit::Done)
}

fn config(args: RelayArgs) -> Result<RelayConfig, Failure> {
    let key = match &args.key {
        Some(path) => Key::read_or_create(path).or_fail(Exit::Failed, path.display())?,
        None => Key::random(),
    };
    let allow_list = match args.allow_list {
        Some(path) => AllowList::open(path).map_err(|error| Failure::new(Exit::Failed, error))?,
        None => AllowList::all(),
    };
    Ok(RelayConfig {
        public_addr: args.public_addr,
        ports: args.ports,
        key,
        url: args.url,
        proxies: TrustedProxies::new(args.trusted_proxies),
        origins: args.origins,
        allowed: args.allowed,
        allow_list,
        tls: args.cert.zip(args.tls_key),
        limits: args.limits.into(),
        ..RelayConfig::new(args.listen)
    })
}
