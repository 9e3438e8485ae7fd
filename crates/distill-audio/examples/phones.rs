//! Prints what is said in recordings, and how loud they are: `cargo run -p distill-audio --example phones -- [FOLDER]`.
//! Without a folder that has the recordings, it prints the labels alone.
#![expect(clippy::print_stdout, reason = "an example shows what it reads")]

use std::error::Error;
use std::path::PathBuf;

use distill_audio::{
    ASTERISK_FOLDER, Alignment, AudioError, FilterbankConfig, Recording, Recordings, asterisk_alignment, asterisk_en,
};

const N_SHOWN: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(ASTERISK_FOLDER), PathBuf::from);
    let Alignment { phones, utterances } = asterisk_alignment()?;
    println!("{} utterances, {} phones with {} states", utterances.len(), phones.phones().len(), phones.n_states());
    for utterance in utterances.iter().take(N_SHOWN) {
        let said = phones.phones_of(utterance.segments.iter().map(|segment| segment.class));
        let said: Vec<_> = said.iter().map(|&phone| phones.phones()[phone as usize].as_str()).collect();
        println!("{} ({} ms): {}", utterance.name, 10 * utterance.frames(), said.join(" "));
    }

    match asterisk_en(&folder, &FilterbankConfig::for_rate(8000), Recordings::Any) {
        Ok(corpus) => {
            for Recording { utterance, features } in corpus.recordings().iter().take(N_SHOWN) {
                let mean = features.mean().unwrap_or_default();
                println!(
                    "{}: {} frames of {} bands, mean {mean:.2}",
                    utterance.name,
                    features.nrows(),
                    features.ncols()
                );
            }
        }
        Err(missing @ AudioError::MissingRecordings { .. }) => println!("no sound: {missing}"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
