//! The command line of souk. What the commands do stands in the library.
#![expect(clippy::print_stderr, reason = "a command tells its user why it failed")]

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use souk::manifest::DatabaseUrl;
use souk::operator::Pass;
use souk::telemetry::{self, LogFormat};
use souk::{check, db, embed, graph, keys, memory, migrate, operate, sign, up, user};
use souk_identity::keys::Former;
use souk_identity::seal::version::SealVersion;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Runs a shop of WebAssembly components: sandboxed, each with a database of its own.
#[derive(Parser)]
#[command(name = "souk", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: Log,
}

const EXAMPLES: &str = "Examples:
  souk up                               serve ./spin.toml on http://127.0.0.1:3000
  souk up --demo                        … with demo data in it
  souk up --listen 127.0.0.1:8080 --data /var/lib/souk
  souk check                            say what up would refuse, without serving
  souk up --log debug,access=off        more in the log, but no line per request
  souk db backup backups/monday         copy the databases, also while they are served
  souk user create me@shop.example --admin
  souk swap payment new.wasm --wait     replace a component while it serves; souk rollback payment
  souk ps                               what serves, and how well
  souk keys rotate                      sign with a new key; tokens that are out there stay good";

#[derive(Args)]
struct Log {
    /// What is logged: a level, or levels per target (as in the crate tracing-subscriber); guests log as `guest`, requests as `access`
    #[arg(long, global = true, env = "SOUK_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
    /// How log lines look
    #[arg(long, global = true, env = "SOUK_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
}

#[derive(Subcommand)]
enum Command {
    /// Serves an application until Ctrl-C or SIGTERM
    Up(Up),
    /// Says everything that `up` would refuse, without serving or changing anything
    Check(Check),
    /// Tells which component calls which
    Graph(Graph),
    /// Brings the databases to the newest migrations without serving them, which `up` does as well
    Migrate(Migrate),
    /// Looks at the databases, copies them, puts copies back
    Db(Db),
    /// Looks at the keys that sign tokens, and changes them; a host that runs follows within seconds
    Keys(Keys),
    /// Makes accounts, through the host that runs on the data folder
    User(User),
    /// Tells what a running host serves: generations, instances, requests, traps, memory
    Ps {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        host: Host,
    },
    /// Replaces a component of a running host by a file, with nothing lost: checked, started, switched to, watched
    Swap(Swap),
    /// Serves again what a component served before its last swap, or takes a candidate's share back
    Rollback(OfComponent),
    /// Stops one component of a running host: its routes answer 503, its callers hear that it is unavailable
    Stop(OfComponent),
    /// Serves a component again that was stopped
    Start(OfComponent),
    /// Vouches for a component's file, for hosts whose manifest names the key: writes FILE.sig
    Sign(Sign),
    /// Puts migrations into a component that has been built, where a language's tools can't
    Embed {
        /// The component's file
        file: PathBuf,
        /// The folder with the migrations: files like `0001_name.sql`
        #[arg(long, value_name = "DIR")]
        migrations: PathBuf,
        /// Where the component is written with them; the file itself without
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Tells who changed what serves, when, and what came of it
    History {
        /// Only of this component
        name: Option<String>,
        /// So many at most, newest first
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
        limit: u64,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        host: Host,
    },
}

/// A host that runs.
#[derive(Args)]
struct Host {
    #[command(flatten)]
    folder: Data,
    /// Where its operator is served, if not as its data folder says; the token is there or in `SOUK_ADMIN_TOKEN`
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
}

impl Host {
    fn pass(&self) -> anyhow::Result<Pass> {
        let token = std::env::var("SOUK_ADMIN_TOKEN").ok().filter(|token| !token.is_empty());
        Ok(Pass::of(&self.folder.data, self.admin, token)?)
    }
}

#[derive(Args)]
struct Sign {
    /// The component's file
    #[arg(required_unless_present = "new_key")]
    file: Option<PathBuf>,
    /// Whose place it may take: the component's name in manifests
    #[arg(long, required_unless_present = "new_key", value_name = "NAME")]
    component: Option<String>,
    /// Its version, MAJOR.MINOR.PATCH; hosts go forward only
    #[arg(long = "version", id = "release", required_unless_present = "new_key", value_name = "VERSION")]
    version: Option<SealVersion>,
    /// The file with the key, made with --new-key or by openssl genpkey -algorithm ed25519
    #[arg(long, required_unless_present = "new_key", value_name = "FILE")]
    key: Option<PathBuf>,
    /// Makes a key in this file instead, and prints the line for the manifest
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "component", "release", "key"])]
    new_key: Option<PathBuf>,
}

#[derive(Args)]
struct OfComponent {
    /// The component's name in the manifest
    name: String,
    #[command(flatten)]
    host: Host,
}

#[derive(Args)]
struct Swap {
    /// The component's name in the manifest
    name: String,
    /// The component's new file
    file: PathBuf,
    /// First gives it so many of a hundred calls, such as 5%, and all only after it was watched
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    canary: Option<u64>,
    /// Seconds for which it is watched and taken back if it does worse than before; 0 for not at all. The manifest's `probation_ms` without
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=604_800))]
    probation: Option<u64>,
    /// Its seal, where the manifest names signers; FILE.sig without
    #[arg(long, value_name = "SEAL")]
    signature: Option<PathBuf>,
    /// Wait until it has passed its probation; fails if it was taken back
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    host: Host,
}

fn percent(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok().filter(|number| (1..=99).contains(number));
    number.ok_or_else(|| "it is a number from 1 to 99, with or without %".to_owned())
}

/// The folder of a host, for commands that do not look at its databases.
#[derive(Args)]
struct Data {
    /// The folder for databases, keys and compiled code
    #[arg(long, global = true, default_value = ".souk", value_name = "DIR")]
    data: PathBuf,
}

#[derive(Args)]
struct Keys {
    #[command(subcommand)]
    command: KeysCommand,
    #[command(flatten)]
    folder: Data,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// The ids of the keys that are published
    List,
    /// Makes a new key that signs from now on. The former one is published until the last token that it signed has expired
    Rotate {
        /// Ends every token that is out there at once: for a key that others may know
        #[arg(long)]
        revoke: bool,
    },
    /// Prints new keys with their secret, for the variable `SOUK_SIGNING_KEYS` of several hosts
    New,
}

#[derive(Args)]
struct User {
    #[command(subcommand)]
    command: UserCommand,
    #[command(flatten)]
    folder: Data,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Makes an account; a password is made up and shown once, unless one is given
    Create {
        /// The e-mail address
        email: String,
        /// The name; without it, what stands before the @
        #[arg(long)]
        name: Option<String>,
        /// Whether it may do everything: the role `admin`
        #[arg(long)]
        admin: bool,
        /// A role; may be given more than once. `customer` without any
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// Reads the password from standard input, one line
        #[arg(long)]
        password_stdin: bool,
    },
}

#[derive(Args)]
struct Up {
    /// The manifest
    #[arg(long, default_value = "spin.toml", value_name = "FILE")]
    manifest: PathBuf,
    /// Where the application is served; port 0 chooses a free one
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the operator is served
    #[arg(long, default_value = "127.0.0.1:3900", value_name = "ADDRESS")]
    admin: SocketAddr,
    #[command(flatten)]
    place: Place,
    /// Where it is counted how often somebody asks: `memory`, each host by itself, or a Valkey or Redis that hosts of the same application
    /// share, `redis://:password@host:port/0`, `rediss://…` with TLS
    // Not parsed by clap, as `database`.
    #[arg(long, env = "SOUK_RATES", hide_env_values = true, default_value = "memory", value_name = "URL")]
    rates: String,
    /// Fill the application with the demo data that the manifest names, where it is not there yet
    #[arg(long)]
    demo: bool,
    /// Swap a component whose file changes, and build one whose source does, as `[component.<id>.build]` says
    #[arg(long)]
    watch: bool,
}

#[derive(Args)]
struct Check {
    /// The manifest
    #[arg(default_value = "spin.toml", value_name = "MANIFEST")]
    manifest: PathBuf,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct Graph {
    /// The manifest
    #[arg(default_value = "spin.toml", value_name = "MANIFEST")]
    manifest: PathBuf,
    /// How it is told
    #[arg(long, value_enum, default_value_t = graph::Form::Text)]
    format: graph::Form,
    #[command(flatten)]
    folder: Data,
}

#[derive(Args)]
struct Migrate {
    /// The manifest
    #[arg(long, default_value = "spin.toml", value_name = "FILE")]
    manifest: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Only say what would be applied, tried where it does not last
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
struct Db {
    #[command(subcommand)]
    command: DbCommand,
    #[command(flatten)]
    place: Place,
}

/// Where an application keeps what it keeps.
#[derive(Args)]
struct Place {
    /// The folder for databases and compiled code
    #[arg(long, global = true, default_value = ".souk", value_name = "DIR")]
    data: PathBuf,
    /// Where the databases are: `sqlite`, files in the data folder, or a server, `postgres://user:password@host:port/database` with the
    /// login of an administrator
    // Not parsed by clap: its errors repeat the value, and this one may hold a password.
    #[arg(
        long,
        global = true,
        env = "SOUK_DATABASE",
        hide_env_values = true,
        default_value = "sqlite",
        value_name = "URL"
    )]
    database: String,
}

impl Place {
    fn database(&self) -> anyhow::Result<DatabaseUrl> {
        self.database.parse().map_err(|why: String| anyhow::anyhow!("--database {why}"))
    }
}

#[derive(Subcommand)]
enum DbCommand {
    /// Size, write-ahead log, migrations and waiting events of each database
    Status {
        /// Only the databases of these components
        names: Vec<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Copies databases that are files into a folder, also while a host serves them; each copy is consistent and checked
    Backup {
        /// The folder; made if it is not there
        dir: PathBuf,
        /// Only the databases of these components
        names: Vec<String>,
    },
    /// Puts the copies of a folder in the databases' place; refused while a host runs. What was there is kept beside it
    Restore {
        /// A folder that `backup` wrote
        dir: PathBuf,
        /// Only the databases of these components
        names: Vec<String>,
    },
}

/// Guests step aside every 10 ms, so whatever still runs after the drain ends within this time.
const RUNTIME_STOP_MAX: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let started = Instant::now();
    memory::keep_little();
    let cli = Cli::parse();
    if let Err(why) = telemetry::start(&cli.log.log, cli.log.log_format) {
        eprintln!("error: {why}");
        return ExitCode::from(2);
    }
    let done = match cli.command {
        Command::Up(options) => serve(options, started),
        Command::Check(options) => check(&options),
        Command::Graph(Graph { manifest, format, folder }) => {
            graph::run(&manifest, &folder.data, format, &mut std::io::stdout()).map_err(Into::into)
        }
        Command::Migrate(options) => migrate(&options),
        Command::Db(options) => on_databases(&options),
        Command::Keys(options) => on_keys(&options),
        Command::User(options) => create_user(options),
        Command::Ps { json, host } => ask(&host, async |pass, out| operate::ps(&pass, json, out).await),
        Command::Swap(options) => swap(options),
        Command::Sign(options) => sign(&options),
        Command::Embed { file, migrations, output } => {
            let to = output.as_ref().unwrap_or(&file);
            embed::run(&file, &migrations, to, &mut std::io::stdout()).map_err(Into::into)
        }
        Command::Rollback(OfComponent { name, host }) => {
            ask(&host, async |pass, out| operate::roll_back(&pass, &name, out).await)
        }
        Command::Stop(OfComponent { name, host }) => {
            ask(&host, async |pass, out| operate::stop(&pass, &name, out).await)
        }
        Command::Start(OfComponent { name, host }) => {
            ask(&host, async |pass, out| operate::start(&pass, &name, out).await)
        }
        Command::History { name, limit, json, host } => {
            ask(&host, async |pass, out| operate::history(&pass, name.as_deref(), limit, json, out).await)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check(Check { manifest, place }: &Check) -> anyhow::Result<()> {
    let database = place.database()?;
    Ok(to_its_end(check::run(manifest, &place.data, database, &mut std::io::stdout()))??)
}

fn migrate(Migrate { manifest, place, dry_run }: &Migrate) -> anyhow::Result<()> {
    let database = place.database()?;
    Ok(to_its_end(migrate::run(manifest, &place.data, database, *dry_run, &mut std::io::stdout()))??)
}

fn on_databases(Db { command, place }: &Db) -> anyhow::Result<()> {
    let (data, database, out) = (&place.data, &place.database()?, &mut std::io::stdout());
    match command {
        DbCommand::Status { names, json } => to_its_end(db::status(data, database, names, *json, out))??,
        DbCommand::Backup { dir, names } => db::backup(data, database, dir, names, out)?,
        DbCommand::Restore { dir, names } => db::restore(data, database, dir, names, out)?,
    }
    Ok(())
}

fn on_keys(Keys { command, folder }: &Keys) -> anyhow::Result<()> {
    let out = &mut std::io::stdout();
    match command {
        KeysCommand::List => keys::list(&folder.data, out)?,
        KeysCommand::Rotate { revoke: false } => keys::rotate(&folder.data, Former::Published, out)?,
        KeysCommand::Rotate { revoke: true } => keys::rotate(&folder.data, Former::Revoked, out)?,
        KeysCommand::New => keys::new(out)?,
    }
    Ok(())
}

fn create_user(User { command, folder }: User) -> anyhow::Result<()> {
    let UserCommand::Create { email, name, admin, mut roles, password_stdin } = command;
    roles.extend(admin.then(|| "admin".to_owned()));
    if roles.is_empty() {
        roles.push("customer".to_owned());
    }
    let password = password_stdin.then(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("reading the password")?;
        anyhow::Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    });
    let user = user::NewUser { email, name, roles, password: password.transpose()? };
    Ok(to_its_end(user::create(&folder.data, &user, &mut std::io::stdout()))??)
}

fn sign(options: &Sign) -> anyhow::Result<()> {
    let out = &mut std::io::stdout();
    match options {
        Sign { new_key: Some(file), .. } => sign::new_key(file, out)?,
        Sign { file: Some(file), component: Some(component), version: Some(version), key: Some(key), .. } => {
            sign::sign(file, component, *version, key, out)?;
        }
        _ => anyhow::bail!("a file, --component, --version and --key, or --new-key alone"),
    }
    Ok(())
}

/// Asks a host that runs.
fn ask(
    host: &Host,
    what: impl AsyncFnOnce(Pass, &mut dyn std::io::Write) -> Result<(), operate::OperateError>,
) -> anyhow::Result<()> {
    Ok(to_its_end(what(host.pass()?, &mut std::io::stdout()))??)
}

fn swap(Swap { name, file, canary, probation, signature, wait, host }: Swap) -> anyhow::Result<()> {
    let swap =
        operate::Swap { name, file, seal: signature, canary_percent: canary, probation_seconds: probation, wait };
    ask(&host, async |pass, out| operate::swap(&pass, &swap, &mut std::io::stderr(), out).await)
}

/// Runs a command that ends by itself.
fn to_its_end<T>(command: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")?;
    Ok(runtime.block_on(command))
}

fn serve(options: Up, started: Instant) -> anyhow::Result<()> {
    let Up { manifest, listen, admin, place, rates, demo, watch } = options;
    let database = place.database()?;
    let rates = rates.parse().map_err(|why: String| anyhow::anyhow!("--rates {why}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    let options = up::Options { manifest, listen, admin, data: place.data, database, rates, demo, watch };
    let done = runtime.block_on(up::run(&options, started, &mut std::io::stdout()));
    runtime.shutdown_timeout(RUNTIME_STOP_MAX);
    Ok(done?)
}
