use std::fmt::Write as _;
use std::path::Path;

use distill_audio::Alignment;

use crate::idx::gzip;
use crate::mutate;
use crate::random::Random;
use crate::run::{Parser, run};

const TABLE: &str = "split,utterance,phone,state,start_frame,frames
train,a,HH,0,0,3
train,a,HH,1,3,1
train,a,AY,0,4,10
validation,b/c,AY,0,0,2
test,d,HH,0,0,7
test,d,HH,1,7,1
";

const SPEAKERS: &str =
    "frames,speaker,split,utterance,phone,state,start_frame\r\n4,ann,train,a,T,0,0\r\n1,,test,b,T,1,0\r\n";

struct Table;

#[test]
fn alignment() {
    run(&Table);
}

impl Parser for Table {
    const NAME: &str = "alignment";

    type Parsed = Alignment;

    fn corpus(&self) -> Vec<Vec<u8>> {
        let plain = [TABLE, SPEAKERS].map(|table| table.as_bytes().to_vec());
        plain.iter().cloned().chain(plain.iter().map(|table| gzip(table))).collect()
    }

    fn mutate(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
        const FIELDS: &[&str] = &["train", "test", "a", "d", "", "HH", "..", "/", "-1", "\"", "é\n"];
        mutate::table(bytes, other, random, FIELDS);
    }

    fn large(&self) -> Vec<Vec<u8>> {
        let header = TABLE.lines().next().unwrap();
        let rows = |n: u32, row: &dyn Fn(u32) -> String| {
            (0..n).fold(format!("{header}\n"), |table, number| table + &row(number) + "\n").into_bytes()
        };
        vec![
            // One utterance, many states, many utterances, all of them as short as can be.
            rows(150_000, &|number| format!("train,a,T,0,{number},1")),
            rows(40_000, &|number| format!("train,a,T,{number},{number},1")),
            rows(40_000, &|number| format!("train,{number},T,0,0,1")),
            format!("{header}\n{}", "a".repeat(4 << 20)).into_bytes(),
            vec![b','; 4 << 20],
            vec![b'\n'; 4 << 20],
            gzip(&vec![b'a'; 4 << 20]),
        ]
    }

    fn parse(&self, bytes: &[u8]) -> Result<Alignment, String> {
        Alignment::parse(bytes, Path::new("file")).map_err(|error| error.to_string())
    }

    fn check(&self, parsed: &Alignment) {
        let mut table = format!("{},speaker\n", TABLE.lines().next().unwrap());
        for utterance in &parsed.utterances {
            let mut start = 0;
            for segment in &utterance.segments {
                let (phone, state) = parsed.phones.state(segment.class).unwrap();
                let phone = &parsed.phones.phones()[phone as usize];
                let (part, name, frames, speaker) =
                    (utterance.part, &utterance.name, segment.frames, &utterance.speaker);
                writeln!(table, "{part},{name},{phone},{state},{start},{frames},{speaker}").unwrap();
                start += frames;
            }
            assert_eq!(utterance.frames(), start as usize);
        }
        assert_eq!(&Alignment::parse(table.as_bytes(), Path::new("file")).unwrap(), parsed);
    }
}
