//! A server for the tests of this process, in a temporary folder; it stops when the process ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sqlx::{AssertSqlSafe, Connection, PgConnection, query};
use uuid::Uuid;

/// Starts a server, says where its socket is, and stops it once its standard input is closed.
const SCRIPT: &str = r#"
set -eu
cd /
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo right >"$folder/password"
"$1/initdb" -D "$folder/data" -U lakebed --auth=scram-sha-256 --pwfile="$folder/password" \
    --encoding=UTF8 --locale=C --no-sync >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
"$1/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 \
    -o "-c listen_addresses= -c unix_socket_directories=$folder -c fsync=off" start >/dev/null 2>&1 ||
    { cat "$folder/log" >&2; exit 1; }
echo "$folder"
read -r _ || true
"$1/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1
"#;

/// Where the newest server's programs are.
const FIND: &str = r#"
newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$newest" ] || newest=$(dirname "$(command -v initdb)")
[ -x "$newest/initdb" ] && echo "$newest"
"#;

/// The address of a new database.
pub(super) async fn database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(Server::start);
    let name = format!("t_{}", Uuid::new_v4().simple());
    let mut connection = PgConnection::connect(&server.address("postgres")).await.unwrap();
    let create = format!("CREATE DATABASE {name}");
    query(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    server.address(&name)
}

struct Server {
    folder: String,
    /// Its standard input is open for as long as this process lives.
    _script: Child,
}

impl Server {
    fn start() -> Self {
        let programs = said(Command::new("sh").args(["-c", FIND]));
        assert!(
            !programs.is_empty(),
            "no PostgreSQL server to test with; hint: run `scripts/system.sh dev`, or `apt-get install postgresql`"
        );
        let mut command = Command::new("sh");
        // WHY: the server refuses to run as root.
        if said(Command::new("id").arg("-u")) == "0" {
            command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh"]);
        }
        command.args(["-c", SCRIPT, "server", &programs]);
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut folder = String::new();
        BufReader::new(script.stdout.take().unwrap()).read_line(&mut folder).unwrap();
        let folder = folder.trim().to_owned();
        assert!(!folder.is_empty(), "the PostgreSQL server did not start");
        Self { folder, _script: script }
    }

    fn address(&self, database: &str) -> String {
        format!("postgresql://lakebed:right@localhost/{database}?host={}", self.folder)
    }
}

fn said(command: &mut Command) -> String {
    let output = command.stderr(Stdio::null()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
