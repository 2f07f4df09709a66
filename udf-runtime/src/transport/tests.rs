//! Frames survive any way of being cut, and nonsense is told from them.

use std::io::{self, Read};

use super::{Assembly, Frame, read_frame};

/// Gives away at most so many bytes at once.
struct Dribble<'a>(&'a [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = self.1.min(room.len());
        self.0.read(&mut room[..most])
    }
}

fn bytes(frame: &Frame) -> Vec<u8> {
    [&frame.header()[..], &frame.head, &frame.body].concat()
}

fn frame(head: usize, body: usize) -> Frame {
    Frame { kind: 0xA1, number: u64::MAX - 1, head: vec![1; head], body: vec![2; body] }
}

#[test]
fn frames_arrive_in_pieces_of_any_size() {
    for (head, body) in [(0, 0), (3, 0), (0, 5), (70_000, 200_000)] {
        let sent = bytes(&frame(head, body)).repeat(2);
        for most in [1, 7, 25, usize::MAX] {
            let (mut stream, mut partial) = (Dribble(&sent, most), Assembly::new());
            for _ in 0..2 {
                let seen =
                    read_frame(&mut stream, &mut partial).expect("a frame").expect("a frame");
                assert_eq!(bytes(&seen), bytes(&frame(head, body)));
            }
            assert!(read_frame(&mut stream, &mut partial).expect("the end").is_none());
        }
    }
}

#[test]
fn an_end_in_a_frame_is_an_error() {
    let sent = bytes(&frame(3, 5));
    let error = read_frame(&mut &sent[..30], &mut Assembly::new()).expect_err("half a frame");
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn text_is_not_a_frame() {
    let text = b"Traceback (most recent call last): ...";
    let error = read_frame(&mut &text[..], &mut Assembly::new()).expect_err("no frame");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}
