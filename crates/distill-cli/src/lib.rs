#![doc = include_str!("../README.md")]

mod args;
mod bug;
mod commands;
mod help;
mod output;
mod readers;
mod screen;
mod style;
mod usage;

pub use readers::{check_recipe, inspect_file, predict_rows, read_predictions};

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command, LogFormat};
use crate::output::Output;
use crate::style::Palette;
use distill_recipe::Diagnostic;

/// Runs the program with these arguments, the first of which is its name.
///
/// Exit codes: 0 done, 1 a stated bound was missed, 2 usage, 3 recipe, 4 data, 5 a model or another
/// file of ours, 6 numbers, 7 input and output, 8 a limit, 70 a bug of ours, 130 and 143 stopped by a signal.
pub fn main_with(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => {
            let error = usage::with_suggestion(error, &args);
            // Help and version go to stdout with code 0, errors to stderr with code 2.
            return match error.print() {
                Err(refused) if refused.kind() != ErrorKind::BrokenPipe => {
                    ExitCode::from(Diagnostic::stdout(&refused).exit_code())
                }
                _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
            };
        }
    };
    start_logging(&cli);
    let output = Output::new(cli.json, cli.quiet, cli.color).with_log(cli.verbose > 0, is_json_log(&cli));
    bug::report_panics(output);
    ExitCode::from(bug::guard(|| execute(&cli, output)))
}

fn execute(cli: &Cli, output: Output) -> u8 {
    let outcome = pool(cli.threads).and_then(|pool| {
        pool.install(|| match &cli.command {
            Command::Check(args) => commands::check(args, &output),
            Command::Run(args) => commands::run(args, &output),
            Command::Train(args) => commands::train(args, &output),
            Command::Teach(args) => commands::teach(args, &output),
            Command::Eval(args) => commands::eval(args, &output),
            Command::Runs(args) => commands::runs(args, &output),
            Command::Compare(args) => commands::compare(args, &output),
            Command::Rm(args) => commands::rm(args, &output),
            Command::Report(args) => commands::report(args, &output),
            Command::Sweep(args) => commands::sweep(args, &output),
            Command::Reproduce(args) => commands::reproduce(args, &output),
            Command::New(args) => commands::new(args, &output).map(|()| 0),
            Command::Explain(args) => commands::explain(args, &output).map(|()| 0),
            Command::Schema(args) => commands::schema(args, &output).map(|()| 0),
            Command::Env => commands::env(&output).map(|()| 0),
            Command::Completions(args) => commands::completions(args, &output).map(|()| 0),
            Command::Man(args) => commands::man(args, &output).map(|()| 0),
            Command::Predict(args) => commands::predict(args, &output).map(|()| 0),
            Command::Export(args) => commands::export(args, &output).map(|()| 0),
            Command::Data(args) => commands::data(args, &output).map(|()| 0),
            Command::Inspect(args) => commands::inspect(args, &output).map(|()| 0),
        })
    });
    match outcome {
        Ok(code) => code,
        Err(diagnostic) if diagnostic.is_broken_pipe() => 0,
        Err(diagnostic) => {
            output.error(&diagnostic);
            diagnostic.exit_code()
        }
    }
}

/// The threads of all work. Their number changes no result.
fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, Diagnostic> {
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| {
        Diagnostic::io(format!("cannot start {threads} threads"), None, error).help("use fewer, such as `--threads 2`")
    })
}

/// Whether standard error is for programs.
fn is_json_log(cli: &Cli) -> bool {
    cli.log_format == LogFormat::Json
}

fn start_logging(cli: &Cli) {
    let level = match cli.verbose {
        0 if is_json_log(cli) => tracing::Level::INFO,
        0 => return,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    // The end of a span says how long it took.
    let spans = tracing_subscriber::fmt::format::FmtSpan::CLOSE;
    let log = tracing_subscriber::fmt().with_max_level(level).with_span_events(spans).with_writer(std::io::stderr);
    match cli.log_format {
        LogFormat::Text => log.with_ansi(Palette::for_stderr(cli.color).is_coloured()).init(),
        LogFormat::Json => log.json().init(),
    }
}
