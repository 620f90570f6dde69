//! The query language of `conditions`: `company/name="Acme" and (status/name like "%new%" or closedFlag=false)`.
//!
//! Strings stand in double quotes, a backslash makes the next `"` or `\` part of the string; dates stand in brackets;
//! `and` binds tighter than `or`. Anything else is malformed: an argument that closes its quote too early shows.

mod lexer;

use serde_json::Value;

use lexer::Token;

/// Deeper nesting is refused, so that a hostile condition cannot exhaust the stack.
const DEPTH: usize = 32;

/// Why a condition cannot be read, in the vendor's manner.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) String);

/// A condition that an item meets or not.
#[derive(Debug, PartialEq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Is { name: String, operator: Operator, literal: Literal },
    In { name: String, literals: Vec<Literal> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    Contains,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Date(String),
    Number(f64),
    Truth(bool),
    Null,
}

/// The member of an item that a name means: `company/name` is a member of a member.
pub(super) fn at<'a>(item: &'a Value, name: &str) -> Option<&'a Value> {
    // The vendor keeps both dates apart and takes them in conditions without the detour.
    let path = match name {
        "dateEntered" | "lastUpdated" => format!("/_info/{name}"),
        name => format!("/{name}"),
    };
    item.pointer(&path)
}

impl Condition {
    /// Reads a condition that uses only `known` names.
    pub(super) fn parse(text: &str, known: &[&str]) -> Result<Self, Malformed> {
        let mut parser = Parser { tokens: lexer::tokens(text)?, known, depth: 0 };
        let condition = parser.any()?;
        match parser.tokens.pop() {
            None => Ok(condition),
            Some(token) => Err(unexpected(&token)),
        }
    }

    /// Whether the item meets it.
    pub(super) fn holds(&self, item: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(item)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(item)),
            Self::Not(part) => !part.holds(item),
            Self::Is { name, operator, literal } => operator.holds(at(item, name), literal),
            Self::In { name, literals } => {
                literals.iter().any(|literal| Operator::Equal.holds(at(item, name), literal))
            }
        }
    }
}

fn unexpected(token: &Token) -> Malformed {
    Malformed(format!("Unexpected {token} in the conditions."))
}

/// Tokens are taken from the end: the lexer hands them over in reverse.
struct Parser<'a> {
    tokens: Vec<Token>,
    known: &'a [&'a str],
    depth: usize,
}

impl Parser<'_> {
    fn word(&mut self, expected: &str) -> bool {
        let found = matches!(self.tokens.last(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(expected));
        if found {
            self.tokens.pop();
        }
        found
    }

    fn symbol(&mut self, expected: &str) -> bool {
        let found = matches!(self.tokens.last(), Some(Token::Symbol(symbol)) if *symbol == expected);
        if found {
            self.tokens.pop();
        }
        found
    }

    fn any(&mut self) -> Result<Condition, Malformed> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Malformed("The conditions are nested too deep.".to_owned()));
        }
        let mut parts = vec![self.all()?];
        while self.word("or") {
            parts.push(self.all()?);
        }
        self.depth -= 1;
        Ok(Condition::Any(parts))
    }

    fn all(&mut self) -> Result<Condition, Malformed> {
        let mut parts = vec![self.part()?];
        while self.word("and") {
            parts.push(self.part()?);
        }
        Ok(Condition::All(parts))
    }

    fn part(&mut self) -> Result<Condition, Malformed> {
        if !self.symbol("(") {
            return self.comparison();
        }
        let inner = self.any()?;
        if self.symbol(")") { Ok(inner) } else { Err(Malformed("A parenthesis is not closed.".to_owned())) }
    }

    fn comparison(&mut self) -> Result<Condition, Malformed> {
        let name = match self.tokens.pop() {
            Some(Token::Word(word)) if self.known.contains(&word.as_str()) => word,
            Some(Token::Word(word)) => return Err(Malformed(format!("{word} is not a recognized name."))),
            Some(token) => return Err(unexpected(&token)),
            None => return Err(Malformed("The conditions end where a name should stand.".to_owned())),
        };
        let negated = self.word("not");
        let condition = if self.word("in") {
            Condition::In { name, literals: self.literals()? }
        } else if self.word("like") {
            Condition::Is { name, operator: Operator::Like, literal: self.string()? }
        } else if self.word("contains") {
            Condition::Is { name, operator: Operator::Contains, literal: self.string()? }
        } else if negated {
            return Err(Malformed("not stands before like, contains or in.".to_owned()));
        } else {
            Condition::Is { name, operator: self.operator()?, literal: self.literal()? }
        };
        Ok(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn operator(&mut self) -> Result<Operator, Malformed> {
        const OPERATORS: [(&str, Operator); 6] = [
            ("=", Operator::Equal),
            ("!=", Operator::Unequal),
            ("<", Operator::Less),
            ("<=", Operator::LessOrEqual),
            (">", Operator::Greater),
            (">=", Operator::GreaterOrEqual),
        ];
        let found = OPERATORS.iter().find(|(symbol, _)| self.symbol(symbol)).map(|(_, operator)| *operator);
        found.ok_or_else(|| Malformed("An operator is missing in the conditions.".to_owned()))
    }

    fn literal(&mut self) -> Result<Literal, Malformed> {
        match self.tokens.pop() {
            Some(Token::Literal(literal)) => Ok(literal),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Ok(Literal::Truth(true)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => Ok(Literal::Truth(false)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("null") => Ok(Literal::Null),
            Some(token) => Err(unexpected(&token)),
            None => Err(Malformed("The conditions end where a value should stand.".to_owned())),
        }
    }

    fn string(&mut self) -> Result<Literal, Malformed> {
        match self.literal()? {
            text @ Literal::Text(_) => Ok(text),
            _ => Err(Malformed("like and contains take a quoted string.".to_owned())),
        }
    }

    fn literals(&mut self) -> Result<Vec<Literal>, Malformed> {
        if !self.symbol("(") {
            return Err(Malformed("in takes a list in parentheses.".to_owned()));
        }
        let mut literals = vec![self.literal()?];
        while self.symbol(",") {
            literals.push(self.literal()?);
        }
        if self.symbol(")") { Ok(literals) } else { Err(Malformed("A parenthesis is not closed.".to_owned())) }
    }
}

impl Operator {
    fn holds(self, value: Option<&Value>, literal: &Literal) -> bool {
        let order = match (value, literal) {
            (None | Some(Value::Null), Literal::Null) => Some(std::cmp::Ordering::Equal),
            (Some(Value::String(text)), Literal::Text(wanted)) => return self.holds_for_text(text, wanted),
            (Some(Value::String(text)), Literal::Date(wanted)) => Some(text.as_str().cmp(wanted)),
            (Some(Value::Number(number)), Literal::Number(wanted)) => {
                number.as_f64().and_then(|number| number.partial_cmp(wanted))
            }
            (Some(Value::Bool(truth)), Literal::Truth(wanted)) => Some(truth.cmp(wanted)),
            _ => None,
        };
        match self {
            Self::Equal => order.is_some_and(std::cmp::Ordering::is_eq),
            Self::Unequal => !order.is_some_and(std::cmp::Ordering::is_eq),
            Self::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
            Self::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
            Self::Like | Self::Contains => false,
        }
    }

    /// Text is compared as the vendor's database does, whatever its case.
    fn holds_for_text(self, text: &str, wanted: &str) -> bool {
        let (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
        match self {
            Self::Equal => text == wanted,
            Self::Unequal => text != wanted,
            Self::Less => text < wanted,
            Self::LessOrEqual => text <= wanted,
            Self::Greater => text > wanted,
            Self::GreaterOrEqual => text >= wanted,
            Self::Contains => text.contains(&wanted),
            Self::Like => like(&text, &wanted),
        }
    }
}

/// Whether `text` matches a pattern in which `%` stands for anything.
fn like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('%');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    const KNOWN: [&str; 5] = ["id", "company/name", "summary", "closedFlag", "dateEntered"];

    fn item() -> Value {
        json!({"id": 7, "company": {"name": "O\"Hara \\ Sons"}, "summary": "Printer on fire", "closedFlag": false,
               "_info": {"dateEntered": "2026-03-04T10:00:00Z"}})
    }

    fn holds(text: &str) -> bool {
        Condition::parse(text, &KNOWN).unwrap().holds(&item())
    }

    #[test]
    fn what_holds() {
        for text in [
            r#"id=7"#,
            r#"id in (1, 7)"#,
            r#"id not in (1, 2)"#,
            r#"summary="PRINTER on fire""#,
            r#"company/name = "O\"Hara \\ Sons""#,
            r#"summary like "%print%fire""#,
            r#"summary contains "on f""#,
            r#"summary not contains "water""#,
            r#"id=1 and id=2 or id=7"#,
            r#"(id=1 or id=7) and closedFlag=False"#,
            r#"dateEntered > [2026-01-01T00:00:00Z] and dateEntered <= [2026-03-04T10:00:00Z]"#,
            r#"id != null"#,
            r#"id >= 7 AND id <= 7.5"#,
        ] {
            assert!(holds(text), "{text}");
        }
    }

    #[test]
    fn what_does_not_hold() {
        for text in [
            r#"id=8"#,
            r#"summary like "print""#,
            r#"summary like "%fires""#,
            r#"id=7 and (closedFlag=true or id=1)"#,
            r#"summary="a" "#,
            r#"summary > 5"#,
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_is_malformed() {
        for text in [
            r#"summary="Acme" or 1=1"#,
            r#"summary="Acme"" or id=7"#,
            r#"summary="Acme" id=7"#,
            r#"summary="Acme"#,
            r#"summary='Acme'"#,
            r#"summary="Acme\"#,
            r#"summary="a\n""#,
            r#"summary like 5"#,
            r#"(id=7"#,
            r#"id=7)"#,
            r#"id in 7"#,
            r#"id in (7"#,
            r#"secret="x""#,
            r#"id not = 7"#,
            r#"id =="#,
            r#"id"#,
            r#"and"#,
            r#"id=7 and"#,
            r#"dateEntered > [2026-01-01"#,
            r#"id=7; drop"#,
        ] {
            assert!(Condition::parse(text, &KNOWN).is_err(), "{text}");
        }
        let deep = format!("{}id=7{}", "(".repeat(1_000), ")".repeat(1_000));
        assert!(Condition::parse(&deep, &KNOWN).is_err());
    }

    #[test]
    fn a_pattern_is_anchored_at_both_ends() {
        assert!(
            like("abc", "abc") && like("abc", "a%") && like("abc", "%c") && like("abc", "%") && like("abab", "%ab")
        );
        assert!(!like("abc", "ab") && !like("abc", "b%") && !like("ab", "%ab%ab"));
    }
}
