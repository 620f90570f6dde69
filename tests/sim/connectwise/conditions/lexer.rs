//! Words, strings, numbers, dates and symbols.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use super::{Literal, Malformed};

#[derive(Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Literal(Literal),
    Symbol(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(out, "'{word}'"),
            Self::Literal(_) => out.write_str("value"),
            Self::Symbol(symbol) => write!(out, "'{symbol}'"),
        }
    }
}

/// All tokens, the last one first.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Malformed> {
    let mut rest = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(next) = rest.peek().copied() {
        match next {
            ' ' | '\t' => {
                rest.next();
            }
            '"' => tokens.push(Token::Literal(Literal::Text(string(&mut rest)?))),
            '[' => tokens.push(Token::Literal(Literal::Date(date(&mut rest)?))),
            '0'..='9' | '-' => tokens.push(Token::Literal(number(&mut rest)?)),
            'a'..='z' | 'A'..='Z' | '_' => tokens.push(Token::Word(run(&mut rest, is_name))),
            other => tokens.push(Token::Symbol(symbol(&mut rest, other)?)),
        }
    }
    tokens.reverse();
    Ok(tokens)
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '/')
}

fn run(rest: &mut Peekable<Chars<'_>>, belongs: fn(char) -> bool) -> String {
    let mut word = String::new();
    while let Some(letter) = rest.next_if(|letter| belongs(*letter)) {
        word.push(letter);
    }
    word
}

fn string(rest: &mut Peekable<Chars<'_>>) -> Result<String, Malformed> {
    rest.next();
    let mut text = String::new();
    loop {
        match rest.next() {
            Some('"') => return Ok(text),
            Some('\\') => match rest.next() {
                Some(escaped @ ('"' | '\\')) => text.push(escaped),
                _ => return Err(Malformed("A backslash stands before a quote or a backslash only.".to_owned())),
            },
            Some(letter) => text.push(letter),
            None => return Err(Malformed("A string is not closed.".to_owned())),
        }
    }
}

fn date(rest: &mut Peekable<Chars<'_>>) -> Result<String, Malformed> {
    rest.next();
    let text = run(rest, |letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | ':' | '.' | '+'));
    if rest.next() == Some(']') && text.len() >= "2026-01-01".len() {
        Ok(text)
    } else {
        Err(Malformed("A date stands in brackets, as in [2026-01-31T00:00:00Z].".to_owned()))
    }
}

fn number(rest: &mut Peekable<Chars<'_>>) -> Result<Literal, Malformed> {
    let text = run(rest, |letter| letter.is_ascii_digit() || matches!(letter, '-' | '.'));
    text.parse().map(Literal::Number).map_err(|_| Malformed("A number cannot be read.".to_owned()))
}

fn symbol(rest: &mut Peekable<Chars<'_>>, first: char) -> Result<&'static str, Malformed> {
    rest.next();
    let equals = matches!(first, '!' | '<' | '>') && rest.next_if_eq(&'=').is_some();
    match (first, equals) {
        ('=', _) => Ok("="),
        ('!', true) => Ok("!="),
        ('<', true) => Ok("<="),
        ('<', false) => Ok("<"),
        ('>', true) => Ok(">="),
        ('>', false) => Ok(">"),
        ('(', _) => Ok("("),
        (')', _) => Ok(")"),
        (',', _) => Ok(","),
        _ => Err(Malformed("A character of the conditions means nothing.".to_owned())),
    }
}
