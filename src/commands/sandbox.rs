//! `sandbox`: the simulated AWS, served on loopback until interrupted.

use std::path::{Path, PathBuf};

use backproof_sandbox::{Sandbox, World};
use clap::Args;

use crate::commands::shared::output::print;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, Problems};
use crate::stderr::say;
use crate::toml_reader;

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// World file. Without this flag: the organisation of the demo.
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Loopback port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}

/// Runs `sandbox`.
///
/// Errors: every mistake in the world file; a port that is taken.
pub async fn run(args: SandboxArgs) -> Outcome<Exit> {
    let world = match &args.world {
        Some(path) => world(path)?,
        None => World::demo(),
    };
    let sandbox = Sandbox::start(world, args.port).await.map_err(|error| {
        Problem::new("could not serve the sandbox")
            .at(format!("127.0.0.1:{}", args.port))
            .why(error.to_string())
            .hint("choose another port, or 0 for a free one")
    })?;
    let mut text = String::new();
    for (name, value) in sandbox.environment() {
        text.push_str(&format!("export {name}={value}\n"));
    }
    print(&text)?;
    say(&format!(
        "simulated AWS at {}; nothing in it is real. Stop it with Ctrl-C.",
        sandbox.endpoint()
    ));
    tokio::signal::ctrl_c()
        .await
        .map_err(|error| Problem::new("could not wait for the interrupt").why(error.to_string()))?;
    sandbox.stop().await;
    Ok(Exit::Compliant)
}

/// Reads a world file.
///
/// Errors: every mistake in it.
pub(crate) fn world(path: &Path) -> Outcome<World> {
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::usage("could not read the world file")
            .at(origin.clone())
            .why(error.to_string())
            .hint("check `--world`")
    })?;
    World::parse(&text, &origin).map_err(|mistakes| {
        let told = |mistake| toml_reader::problem(mistake).so("no sandbox was started");
        Problems(mistakes.into_iter().map(told).collect())
    })
}
