use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

const HEADER: &str = "split,utterance,phone,state,start_frame,frames\n";

fn parse(rows: &str) -> Result<Alignment, AudioError> {
    Alignment::parse(format!("{HEADER}{rows}").as_bytes(), Path::new("a.csv"))
}

#[track_caller]
fn refuse(rows: &str, message: &str) {
    assert_eq!(parse(rows).unwrap_err().to_string(), format!("a.csv, line {message}"));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn reads_utterances_and_puts_classes_in_order() {
    let alignment = parse("test,b/one,T,1,0,2\r\ntest,b/one,AA,0,2,1\r\ntrain,a,T,0,0,3\r\n").unwrap();
    assert_eq!(alignment.phones.class_names(), ["AA.0", "T.0", "T.1"]);
    let [one, a] = &alignment.utterances[..] else { panic!("{alignment:?}") };
    assert_eq!((one.name.as_str(), one.part, one.frames()), ("b/one", Part::Test, 3));
    assert_eq!(one.labels().collect::<Vec<_>>(), [2, 2, 0]);
    assert_eq!((a.part, a.speaker.as_str(), a.segments[0].class), (Part::Train, "", 1));
    assert_eq!(alignment.part(Part::Test).count(), 1);
}

#[test]
fn columns_come_in_any_order_and_may_name_the_speaker() {
    let table = "\u{feff}speaker,frames,start_frame,state,phone,utterance,split\nann,3,0,1,T,a,validation\n";
    let alignment = Alignment::parse(&gzip(table.as_bytes()), Path::new("a.csv.gz")).unwrap();
    let segments = vec![Segment { class: 0, frames: 3 }];
    let expected = Utterance { name: "a".into(), speaker: "ann".into(), part: Part::Validation, segments };
    assert_eq!(alignment.utterances, [expected]);
    let changed = format!("{table}bob,1,3,1,T,a,validation\n");
    let error = Alignment::parse(changed.as_bytes(), Path::new("a.csv")).unwrap_err();
    assert_eq!(error.to_string(), "a.csv, line 3: speaker is `bob`, but `ann` before in utterance `a`");
}

#[test]
fn says_what_is_wrong_in_which_line() {
    let columns = "expected split, utterance, phone, state, start_frame and frames";
    for header in ["", "split,utterance\n", "split,split,utterance,phone,state,start_frame,frames\n", "a,b\n"] {
        let error = Alignment::parse(header.as_bytes(), Path::new("a.csv")).unwrap_err().to_string();
        let expected = format!("a.csv, line 1: the columns are `{}`, {columns}", header.trim_end());
        assert_eq!(
            error,
            if header.is_empty() { "a.csv, line 1: the table ends without an utterance" } else { &expected }
        );
    }
    refuse("", "2: the table ends without an utterance");
    refuse("train,a,T,0,0\n", "2: 5 fields, expected 6");
    refuse("\n", "2: 1 fields, expected 6");
    refuse("train,a,T,0,0,1,\n", "2: 7 fields, expected 6");
    refuse("dev,a,T,0,0,1\n", "2: split is `dev`, expected train, validation or test");
    for name in ["", "/etc/passwd", "../a", "a/../b", "./a", "\"a\"", "a\\b"] {
        refuse(
            &format!("train,{name},T,0,0,1\n"),
            &format!("2: utterance is `{name}`, expected the name of a file in a folder"),
        );
    }
    refuse("train,a,,0,0,1\n", "2: phone is ``, expected a name without quotes");
    refuse("train,a,T,-1,0,1\n", "2: state is `-1`, expected a whole number");
    refuse("train,a,T,0,4294967296,1\n", "2: start_frame is `4294967296`, expected a whole number");
    refuse("train,a,T,0,0,1.5\n", "2: frames is `1.5`, expected a whole number");
    refuse("train,a,T,0,0,0\n", "2: frames is `0`, expected at least 1");
    refuse("train,a,T,0,1,1\n", "2: starts at frame 1, but 0 is the next of utterance `a`");
    refuse("train,a,T,0,0,3\ntrain,a,T,1,4,1\n", "3: starts at frame 4, but 3 is the next of utterance `a`");
    refuse("train,a,T,0,0,3\ntrain,a,T,1,2,1\n", "3: starts at frame 2, but 3 is the next of utterance `a`");
    refuse("train,a,T,0,0,3\ntest,a,T,1,3,1\n", "3: split is `test`, but `train` before in utterance `a`");
    refuse("train,a,T,0,0,3\ntrain,b,T,1,0,1\ntrain,a,T,1,3,1\n", "4: utterance `a` was complete, its first line is 2");
    refuse("train,a,T,0,0,4294967295\n", "2: utterance `a` has more than 8640000 frames");
    refuse("train,a,T,0,0,1\ntrain,a,T,1,1,8640000\n", "3: utterance `a` has more than 8640000 frames");
    refuse("train,a,T\t,0,0,1\n", "2: byte 9 is the control character 0x09");
    refuse(&"a".repeat(5000), "2: the record is longer than 4096 bytes, or a quote is not closed");
    let latin = [HEADER.as_bytes(), b"train,caf\xe9,T,0,0,1\n"].concat();
    let error = Alignment::parse(&latin, Path::new("a.csv")).unwrap_err();
    assert_eq!(error.to_string(), "a.csv, line 2: byte 9 is not UTF-8");
}

#[test]
fn a_gzip_stream_is_whole_and_alone() {
    let sound = gzip(format!("{HEADER}train,a,T,0,0,1\n").as_bytes());
    assert!(Alignment::parse(&sound, Path::new("a")).is_ok());
    let message = |bytes: &[u8]| Alignment::parse(bytes, Path::new("a")).unwrap_err().to_string();
    assert!(message(&sound[..sound.len() - 1]).contains("the gzip stream is not sound"));
    assert_eq!(
        message(&[sound.as_slice(), &[0; 3]].concat()),
        "a, line 1: the gzip stream is not sound: 3 bytes follow its end"
    );
    // Many times its size without a line break.
    assert_eq!(
        message(&gzip(&vec![b'a'; 1 << 24])),
        "a, line 1: the record is longer than 4096 bytes, or a quote is not closed"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_accepted_has_no_gaps(
        mut rows in prop::collection::vec((0_usize..3, 0_u32..3, 0_u32..9, 0_u32..5), 1..12),
        sound: bool,
    ) {
        if sound {
            rows.sort_unstable_by_key(|row| row.0);
            for i in 0..rows.len() {
                rows[i].3 += 1;
                rows[i].2 = rows[..i].iter().filter(|row| row.0 == rows[i].0).map(|row| row.3).sum();
            }
        }
        let text: String =
            rows.iter().map(|(name, state, start, frames)| format!("train,u{name},T,{state},{start},{frames}\n")).collect();
        let parsed = parse(&text);
        prop_assert!(!sound || parsed.is_ok());
        if let Ok(alignment) = parsed {
            let n_frames: u32 = rows.iter().map(|row| row.3).sum();
            let labels: Vec<u32> = alignment.utterances.iter().flat_map(Utterance::labels).collect();
            prop_assert_eq!(labels.len(), n_frames as usize);
            let names = alignment.phones.class_names();
            let expected = rows.iter().flat_map(|row| std::iter::repeat_n(format!("T.{}", row.1), row.3 as usize));
            prop_assert!(labels.iter().map(|&class| names[class as usize].clone()).eq(expected));
        }
    }
}
