//! What the fence costs: plain and fenced work in turns, in one run.
//!
//! `cargo bench -p ringfence --bench fence -- [--quick] [--rounds N] [--library FILE] [--peers] [NAME…]` measures the
//! rows whose names contain one of the words, or all of them; `--peers` sets whole programs against what other tools
//! make of them. `docs/benchmarks.md` says how to read the tables.

mod fence;
mod peers;
mod programs;
mod rows;
mod sample;
mod scratch;
mod servers;
mod sys;
mod table;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use fence::{Fences, Side};
use peers::Peer;
use programs::Program;
use rows::{ROWS, Row, Work};
use sample::{Compare, Round, Sample};
use scratch::Scratch;
use servers::{Memory, Server};
use sys::Processors;

/// Every failure here is for a person to read.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The rounds of a run from which figures are quoted; a quick one is for a first look.
const ROUNDS: usize = 9;
const QUICK_ROUNDS: usize = 3;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| measure(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    rounds: usize,
    library: Option<PathBuf>,
    peers: bool,
    names: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options> {
        let mut options =
            Options { rounds: ROUNDS, library: None, peers: false, names: Vec::new() };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument}: a value is missing"));
            match argument.as_str() {
                "--peers" => options.peers = true,
                "--quick" => options.rounds = QUICK_ROUNDS,
                "--rounds" => options.rounds = value()?.parse::<usize>()?.max(1),
                "--library" => options.library = Some(value()?.into()),
                // Cargo adds it.
                "--bench" => {}
                name if !name.starts_with('-') => options.names.push(argument),
                _ => return Err(format!("unknown option {argument}").into()),
            }
        }
        Ok(options)
    }

    fn pick(&self, row: &Row) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| row.name.contains(name.as_str()))
    }
}

fn measure(options: &Options) -> Result<()> {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| options.pick(row)).collect();
    let scratch = Scratch::new()?;
    let processors = Processors::of_this_process()?;
    let fences = Fences::build(&scratch, options.library.as_deref())?;
    if rows.iter().any(|row| row.needs_java()) {
        fence::compile_java(&fences.tool(""))?;
    }
    let bench = Bench { scratch, fences, processors };
    if options.peers {
        bench.peers(rows.into_iter().filter(|row| row.is_whole_program()), options.rounds)?;
        return bench.scratch.close();
    }
    table::head(options.rounds);
    let mut failed = 0;
    for row in rows {
        let said = bench.fences.said()?.len();
        match bench.row(row, options.rounds) {
            Ok(Some(rounds)) => table::line(row, &rounds),
            Ok(None) => table::absent(row),
            Err(error) => {
                failed += 1;
                eprintln!("bench: {}: {error}\n{}", row.name, &bench.fences.said()?[said..]);
            }
        }
    }
    bench.scratch.close()?;
    if failed == 0 { Ok(()) } else { Err(format!("{failed} rows could not be measured").into()) }
}

struct Bench {
    scratch: Scratch,
    fences: Fences,
    processors: Processors,
}

impl Bench {
    /// The rounds of a row; `None` where the shim does not define its call.
    fn row(&self, row: &Row, rounds: usize) -> Result<Option<Vec<Round>>> {
        if let Work::Program(_, tree) = row.work_kind {
            self.scratch.plant(tree)?;
        }
        if row.runs_on_one_processor() {
            self.processors.pin()?;
        } else {
            self.processors.release()?;
        }
        let mut calls = 0;
        let mut found = Vec::new();
        for turn in 0..rounds {
            let mut base = self.sample(row, row.base)?;
            let Some(mut contestant) = self.hooked(row)? else { return Ok(None) };
            let mut itself = self.sample(row, row.base)?;
            if calls == 0 {
                calls = base.calibrate()?;
            }
            let (base, contestant) = (base.as_mut(), contestant.as_mut());
            let plan = (calls, row.pairs, turn);
            found.push(sample::round(base, contestant, itself.as_mut(), row.compare, plan)?);
        }
        Ok(Some(found))
    }

    /// The table of the peers: how each installed one compares in each row.
    fn peers(&self, rows: impl Iterator<Item = &'static Row>, rounds: usize) -> Result<()> {
        let (there, absent): (Vec<_>, Vec<_>) =
            Peer::ALL.into_iter().partition(|p| p.is_installed());
        for peer in &there {
            self.fences.peer_holds(*peer)?;
        }
        table::peers_head(rounds, &there, &absent);
        for row in rows {
            let mut measured = Vec::new();
            for side in [row.contestant].into_iter().chain(there.iter().copied().map(Side::Peer)) {
                let row = Row { contestant: side, ..*row };
                measured.push(self.row(&row, rounds)?.ok_or("a program has no call of its own")?);
            }
            table::peers_line(row, &measured);
        }
        Ok(())
    }

    /// The contestant, unless its call is not the shim's.
    fn hooked(&self, row: &Row) -> Result<Option<Box<dyn Sample>>> {
        if !matches!(row.work_kind, Work::Program(..) | Work::Memory) {
            let server = self.server(row, row.contestant)?;
            return Ok(server.hooked.then(|| Box::new(server) as Box<dyn Sample>));
        }
        self.sample(row, row.contestant).map(Some)
    }

    fn sample(&self, row: &Row, side: Side) -> Result<Box<dyn Sample>> {
        Ok(match row.work_kind {
            Work::Call(..) | Work::Java(..) | Work::Virtual(..) | Work::Python(..) => {
                Box::new(self.server(row, side)?)
            }
            Work::Memory => Box::new(Memory(self.server(row, side)?)),
            Work::Program(arguments, _) => {
                let mut command = self.fences.command(side, arguments[0])?;
                command.args(arguments[1..].iter().map(|argument| self.scratch.expand(argument)));
                Box::new(Program::new(command))
            }
        })
    }

    fn server(&self, row: &Row, side: Side) -> Result<Server> {
        let c_loop = |call: &str, directory: &str, path: &str, errno: i32| -> Result<Command> {
            let mut command = self.fences.command(side, self.fences.tool("loop"))?;
            command.arg(call).arg(self.scratch.expand(directory)).arg(self.scratch.expand(path));
            command.arg(errno.to_string());
            Ok(command)
        };
        let command: Command = match row.work_kind {
            Work::Java(call, file) | Work::Virtual(call, file) => {
                let java = match row.work_kind {
                    Work::Virtual(..) => fence::newer_java()?,
                    _ => "java".into(),
                };
                let mut command = self.fences.command(side, java)?;
                command.arg("-cp").arg(self.fences.tool("")).args(["Loop", call]);
                command.arg(self.scratch.expand(file));
                command
            }
            Work::Python(call) => {
                let mut command = self.fences.command(side, "/usr/bin/python3")?;
                command.arg(self.fences.tool("loop.py")).arg(call);
                command
            }
            Work::Call(call, directory, path, errno) => {
                c_loop(call, directory, path, errno[usize::from(side != row.base)])?
            }
            Work::Memory | Work::Program(..) => c_loop("open", "/", "@/work/input.txt", 0)?,
        };
        let threads = row.compare == Compare::Speed;
        Server::start(command, if threads { servers::LONG } else { servers::SHORT })
    }
}
