//! The text of a condition, checked and compiled.
//!
//! In: Polars SQL. Out: an expression and the facts it reads. Only comparisons, arithmetic, AND, OR, NOT, IN, BETWEEN
//! and LIKE pass: whatever could turn *not known* into an answer (IS NULL, COALESCE, CASE, aggregates, subqueries) is
//! refused here, in our own words.
//!
//! Conditions of policy tiers may also say `tag('key')`: the value of a tag, `''` when the table has no such tag, null
//! when its tags could not be read. It becomes a column named `tag:key`.

use std::sync::Arc;

use polars::prelude::{
    AggExpr, BooleanFunction, ChunkApply as _, Column, DataFrame, DataType, Expr, FunctionExpr, IntoColumn as _,
    IntoLazy, LiteralValue, Operator, PlSmallStr, PolarsResult, Schema, StringFunction,
};
use polars::sql::sql_expr;

use crate::text::nearest;

mod tags;

pub(crate) use tags::tag_key;
use tags::{Named, TAG_HINT, TAG_PREFIX, name_tags};

/// A condition over facts and policy values. Its result is true, false or null, and null means unknown.
#[derive(Debug, Clone)]
pub struct Predicate {
    /// The compiled expression.
    pub expr: Expr,
    /// The facts it reads, in order of first appearance.
    pub reads: Vec<String>,
}

/// What is wrong with a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// What is wrong.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) hint: String,
}

impl Mistake {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
        }
    }
}

/// Checks and compiles a condition against the facts it may use.
///
/// Errors: no SQL, an unknown fact, a refused construct, or a result that is not true-or-false.
pub(crate) fn compile(text: &str, schema: &Schema) -> Result<Predicate, Mistake> {
    if !matches!(name_tags(text), Ok(Named { keys, .. }) if keys.is_empty()) {
        return Err(Mistake::new(
            "uses `tag(…)`, which rules may not use",
            "ask for tags in `when` of a `[[policy.tier]]`: a tier may use them, and rules compare with its values",
        ));
    }
    compile_named(text, text, schema, schema)
}

/// The same for the condition of a policy tier, which may use `tag('key')` beside the facts.
///
/// Errors: as [`compile`], and `tag(…)` with anything but one key in single quotes.
pub(crate) fn compile_tier(text: &str, schema: &Schema) -> Result<Predicate, Mistake> {
    let named = name_tags(text)?;
    let mut with_tags = schema.clone();
    for key in &named.keys {
        with_tags.with_column(format!("{TAG_PREFIX}{key}").into(), DataType::String);
    }
    let predicate = compile_named(text, &named.text, &with_tags, schema)?;
    // A tag inside something that is no value to the engine would be lost without a word.
    match named
        .keys
        .iter()
        .find(|key| !predicate.reads.iter().any(|read| tag_key(read) == Some(key)))
    {
        None => Ok(predicate),
        Some(key) => Err(Mistake::new(
            format!("uses `tag('{key}')` where no value can stand"),
            TAG_HINT,
        )),
    }
}

/// Compiles `named`, which is `text` with tags as columns. `known` is what suggestions come from.
fn compile_named(text: &str, named: &str, schema: &Schema, known: &Schema) -> Result<Predicate, Mistake> {
    let operators = operators_in(named);
    if operators > MOST_OPERATORS {
        return Err(Mistake::new(
            format!("has {operators} operators, more than {MOST_OPERATORS}"),
            "write several values as `fact IN ('a', 'b')`, or split it",
        ));
    }
    if operators <= FEW_OPERATORS {
        return compile_here(text, named, schema, known);
    }
    std::thread::scope(|scope| {
        let compile = || compile_here(text, named, schema, known);
        let deep = std::thread::Builder::new().stack_size(DEEP_STACK);
        let compiled = deep
            .spawn_scoped(scope, compile)
            .map(std::thread::ScopedJoinHandle::join);
        let refused = || Mistake::new("is too long for this machine", "split it");
        compiled.map_err(|_| refused())?.map_err(|_| refused())?
    })
}

fn compile_here(text: &str, named: &str, schema: &Schema, known: &Schema) -> Result<Predicate, Mistake> {
    let expr = sql_expr(named).map_err(|error| {
        let why = error.to_string().replace(named, text);
        let why = why.lines().next().unwrap_or_default();
        Mistake::new(
            format!("is not a condition: {why}"),
            "write it like `usable_recovery_point_count > 0`",
        )
    })?;
    let mut reads: Vec<(usize, String)> = Vec::new();
    for part in &expr {
        check(part)?;
        if let Expr::Column(name) = part {
            if !schema.contains(name) {
                return Err(unknown_fact(name, known));
            }
            if !reads.iter().any(|(_, read)| read == name.as_str()) {
                reads.push((named.find(name.as_str()).unwrap_or(usize::MAX), name.to_string()));
            }
        }
    }
    if reads.is_empty() {
        return Err(Mistake::new(
            "reads no fact, so it can say nothing of a table",
            "name a fact; `explain facts` lists them",
        ));
    }
    for part in &expr {
        check_cast(part, schema)?;
    }
    check_type(&expr, schema)?;
    reads.sort();
    Ok(Predicate {
        expr: without_wrong_numbers(expr, schema),
        reads: reads.into_iter().map(|(_, name)| name).collect(),
    })
}

/// Operators that a condition may have: the engine works on them by recursion.
const MOST_OPERATORS: usize = 200;

/// So many fit into any thread's stack.
const FEW_OPERATORS: usize = 20;

/// Stack for the others. A build without optimisation takes 50 KiB for each operator.
const DEEP_STACK: usize = 32 << 20;

/// Operators and opening brackets outside of texts in quotes.
fn operators_in(text: &str) -> usize {
    let outside = text.split(['\'', '"']).step_by(2);
    outside
        .map(|part| {
            let signs = part.chars().filter(|sign| "+-*/%<>=!|&^~:([{".contains(*sign)).count();
            let words = part.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let named = [
                "AND", "OR", "NOT", "XOR", "LIKE", "ILIKE", "RLIKE", "BETWEEN", "IN", "IS", "DIV",
            ];
            signs
                + words
                    .filter(|word| named.iter().any(|name| word.eq_ignore_ascii_case(name)))
                    .count()
        })
        .sum()
}

fn unknown_fact(name: &PlSmallStr, schema: &Schema) -> Mistake {
    let hint = match nearest(name, schema.iter_names().map(PlSmallStr::as_str)) {
        Some(near) => format!("did you mean `{near}`? `explain facts` lists them all"),
        None => format!("if it is a text, write it in single quotes: `'{name}'`; `explain facts` lists all facts"),
    };
    Mistake::new(format!("uses a fact that does not exist: `{name}`"), hint)
}

fn check(part: &Expr) -> Result<(), Mistake> {
    let refuse = |construct: &str, why: &str| {
        let hint = "compare facts with values; a fact that is not known makes the verdict unknown by itself";
        Err(Mistake::new(format!("uses {construct}, which is refused: {why}"), hint))
    };
    match part {
        Expr::Column(_) => Ok(()),
        Expr::Literal(LiteralValue::Scalar(scalar)) if scalar.is_null() => {
            refuse("NULL", "a rule may not answer for missing evidence")
        }
        Expr::Literal(_) | Expr::Cast { .. } => Ok(()),
        Expr::BinaryExpr {
            op: Operator::EqValidity | Operator::NotEqValidity,
            ..
        } => refuse("IS DISTINCT FROM", "a rule may not answer for missing evidence"),
        Expr::BinaryExpr { .. } => Ok(()),
        Expr::Function { input, function } => match function {
            FunctionExpr::Boolean(BooleanFunction::Not | BooleanFunction::IsIn { nulls_equal: false }) => Ok(()),
            FunctionExpr::Boolean(BooleanFunction::IsNull | BooleanFunction::IsNotNull) => {
                refuse("IS NULL", "a rule may not answer for missing evidence")
            }
            FunctionExpr::Negate => Ok(()),
            FunctionExpr::StringExpr(StringFunction::Contains { .. })
                if !matches!(input.get(1), Some(Expr::Literal(_))) =>
            {
                refuse("a pattern that was read", "it can fail")
            }
            // LIKE and ILIKE.
            FunctionExpr::StringExpr(
                StringFunction::Contains { .. } | StringFunction::StartsWith | StringFunction::EndsWith,
            ) => Ok(()),
            other => refuse(&format!("`{other}`"), "it could hide missing evidence"),
        },
        Expr::Ternary { .. } => refuse("CASE", "it could hide missing evidence"),
        // The list of an IN.
        Expr::Agg(AggExpr::Implode { input, .. }) if matches!(**input, Expr::Literal(_)) => Ok(()),
        Expr::Agg(_) | Expr::Len | Expr::Over { .. } => refuse("an aggregate", "a rule judges one table at a time"),
        Expr::SubPlan(..) => refuse("a subquery", "a rule judges one table at a time"),
        Expr::Alias(..) => refuse("AS", "a condition has no name"),
        Expr::Selector(_) => refuse("`*`", "name the facts"),
        _ => refuse("a construct that rules may not use", "it could hide missing evidence"),
    }
}

/// `CAST(tag('n') AS INT)` would end the scan at the first tag that is no number. NOT is a cast, too, and may stay.
fn check_cast(part: &Expr, schema: &Schema) -> Result<(), Mistake> {
    let Expr::Cast { expr, dtype, .. } = part else {
        return Ok(());
    };
    if dtype.as_literal() == Some(&DataType::Boolean) {
        return check_type(expr, schema);
    }
    if (&**expr).into_iter().any(|part| matches!(part, Expr::Column(_))) {
        return Err(Mistake::new(
            "uses CAST on what was read, which is refused: it can fail",
            "compare the fact as it is; `explain facts` shows the types",
        ));
    }
    Ok(())
}

/// The same condition with arithmetic on numbers that gives no number where there is none: a division by nothing, or what
/// grew beyond all bounds, is unknown. Whole numbers are calculated with fractions, for they would wrap around.
fn without_wrong_numbers(expr: Expr, schema: &Schema) -> Expr {
    expr.map_expr(|part| match part {
        Expr::BinaryExpr { left, op, right }
            if is_arithmetic(op) && is_number(&left, schema) && is_number(&right, schema) =>
        {
            let float = |side: Arc<Expr>| Arc::unwrap_or_clone(side).cast(DataType::Float64);
            let result = Expr::BinaryExpr {
                left: Arc::new(float(left)),
                op,
                right: Arc::new(float(right)),
            };
            result.map(only_finite, |_, field| Ok(field.clone()))
        }
        other => other,
    })
}

fn only_finite(numbers: Column) -> PolarsResult<Column> {
    let finite = numbers
        .f64()?
        .apply(|number| number.filter(|number| number.is_finite()));
    Ok(finite.into_column())
}

const fn is_arithmetic(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Plus
            | Operator::Minus
            | Operator::Multiply
            | Operator::RustDivide
            | Operator::TrueDivide
            | Operator::FloorDivide
            | Operator::Modulus
    )
}

/// Times have an arithmetic of their own.
fn is_number(expr: &Expr, schema: &Schema) -> bool {
    let empty = DataFrame::empty_with_schema(schema);
    let result = empty.lazy().select([expr.clone().alias("side")]).collect();
    result.is_ok_and(|frame| frame.columns()[0].dtype().is_numeric())
}

fn check_type(expr: &Expr, schema: &Schema) -> Result<(), Mistake> {
    let empty = DataFrame::empty_with_schema(schema);
    let result = empty.lazy().select([expr.clone().alias("condition")]).collect();
    match result.map(|frame| frame.columns()[0].dtype().clone()) {
        Ok(DataType::Boolean) => Ok(()),
        Ok(other) => {
            let hint = "compare the fact with something, or name a fact that is true or false";
            Err(Mistake::new(format!("gives {other} instead of true or false"), hint))
        }
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().next().unwrap_or_default();
            Err(Mistake::new(
                format!("compares things of different types: {why}"),
                "`explain facts` shows the types",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        [
            ("a", DataType::Boolean),
            ("b", DataType::Boolean),
            ("n", DataType::Int64),
            ("x", DataType::Float64),
            ("t", DataType::String),
        ]
        .into_iter()
        .map(|(name, dtype)| (name.into(), dtype))
        .collect()
    }

    fn three_valued(text: &str, a: Option<bool>, b: Option<bool>) -> Option<bool> {
        let predicate = compile(text, &schema()).expect("a condition");
        let frame =
            DataFrame::new(1, vec![Column::new("a".into(), [a]), Column::new("b".into(), [b])]).expect("a frame");
        let result = frame
            .lazy()
            .select([predicate.expr.alias("r")])
            .collect()
            .expect("a result");
        result.column("r").expect("r").bool().expect("bool").get(0)
    }

    #[test]
    fn logic_is_three_valued() {
        let (t, f, u) = (Some(true), Some(false), None);
        for (a, b, and, or) in [
            (t, t, t, t),
            (t, f, f, t),
            (t, u, u, t),
            (f, t, f, t),
            (f, f, f, f),
            (f, u, f, u),
            (u, t, u, t),
            (u, f, f, u),
            (u, u, u, u),
        ] {
            assert_eq!(three_valued("a AND b", a, b), and, "{a:?} AND {b:?}");
            assert_eq!(three_valued("a OR b", a, b), or, "{a:?} OR {b:?}");
        }
        for text in ["NOT a AND b", "a IS TRUE", "a IS NOT FALSE", "a <> b"] {
            assert_eq!(three_valued(text, u, t), None, "{text}");
        }
    }

    #[test]
    fn comparisons_with_an_unknown_are_unknown() {
        let frame = DataFrame::new(
            1,
            vec![
                Column::new("n".into(), [None::<i64>]),
                Column::new("t".into(), [None::<&str>]),
            ],
        )
        .expect("a frame");
        for text in [
            "n > 0",
            "n = 0",
            "n <> 0",
            "n BETWEEN 1 AND 2",
            "n NOT BETWEEN 1 AND 2",
            "n IN (1, 2)",
            "n NOT IN (1)",
            "t = 'a'",
            "t LIKE 'a%'",
            "t NOT LIKE '%a'",
            "t IN ('a')",
            "-n < 3",
            "n + 1 > 0",
        ] {
            let predicate = compile(text, &schema()).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
            let result = frame
                .clone()
                .lazy()
                .select([predicate.expr.alias("r")])
                .collect()
                .expect("a result");
            assert_eq!(
                result.column("r").expect("r").bool().expect("bool").get(0),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_unknown() {
        let frame = DataFrame::new(
            1,
            vec![
                Column::new("n".into(), [Some(0_i64)]),
                Column::new("x".into(), [Some(24.0)]),
            ],
        )
        .expect("a frame");
        let beyond = format!("x{}", " * 9223372036854775807".repeat(17));
        for (text, expected) in [
            ("n / n > 0.9", None),
            ("n / n <= 0.9", None),
            ("x / n > 1", None),
            ("NOT (x / n > 1)", None),
            ("x / n < 1 OR n = 0", Some(true)),
            ("n % n = 0", None),
            (&format!("{beyond} > 1"), None),
            (&format!("-({beyond}) < 1"), None),
            ("(n + 9223372036854775807) + 1 > 0", Some(true)),
            ("(n + 9223372036854775807) * 2 < 0", Some(false)),
            ("n - 9223372036854775807 - 9223372036854775807 < 0", Some(true)),
            ("x / 2 = 12", Some(true)),
            ("(n + 7) / 2 > 3.4", Some(true)),
            ("n * 24 = 0", Some(true)),
            ("x + 1 - 2 = 23", Some(true)),
        ] {
            let predicate = compile(text, &schema()).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
            let result = frame.clone().lazy().select([predicate.expr.alias("r")]).collect();
            let result = result.expect("a result");
            assert_eq!(
                result.column("r").expect("r").bool().expect("bool").get(0),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn like_and_in_say_what_sql_says() {
        let frame = DataFrame::new(
            1,
            vec![
                Column::new("t".into(), [Some("ledger-a.b")]),
                Column::new("n".into(), [Some(3_i64)]),
            ],
        )
        .expect("a frame");
        for (text, expected) in [
            ("t LIKE 'ledger-%'", true),
            ("t LIKE 'ledger'", false),
            ("t LIKE '%a_b'", true),
            ("t LIKE '%axb'", false),
            ("n IN (1, 3)", true),
            ("n NOT IN (1, 3)", false),
            ("n BETWEEN 3 AND 4", true),
        ] {
            let predicate = compile(text, &schema()).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
            let result = frame
                .clone()
                .lazy()
                .select([predicate.expr.alias("r")])
                .collect()
                .expect("a result");
            assert_eq!(
                result.column("r").expect("r").bool().expect("bool").get(0),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_could_hide_missing_evidence_or_fail_is_refused() {
        for text in [
            "n IS NULL",
            "n IS NOT NULL",
            "COALESCE(n, 0) > 0",
            "CASE WHEN a THEN b ELSE a END",
            "SUM(n) > 1",
            "COUNT(*) > 0",
            "n IS DISTINCT FROM 1",
            "n = NULL",
            "a AS b",
            "*",
            "IFNULL(n, 0) > 1",
            "n > (SELECT 1)",
            "COUNT(n) OVER () > 1",
            "NULLIF(n, 1) = 2",
            "GREATEST(n, 1) > 0",
            "CAST(t AS INT) > 1",
            "TRY_CAST(t AS INT) > 1",
            "CAST(t AS BOOLEAN)",
            "NOT n",
            "REGEXP_LIKE(t, t)",
        ] {
            assert!(compile(text, &schema()).is_err(), "{text}");
        }
    }

    #[test]
    fn mistakes_name_what_is_wrong() {
        let mistake = compile("m > 0", &schema()).expect_err("unknown");
        assert_eq!(mistake.what, "uses a fact that does not exist: `m`");
        let mistake = compile("n + 1", &schema()).expect_err("a number");
        assert!(
            mistake.what.starts_with("gives i64 instead of true or false"),
            "{}",
            mistake.what
        );
        let mistake = compile("n = 'a'", &schema()).expect_err("types");
        assert!(
            mistake.what.starts_with("compares things of different types"),
            "{}",
            mistake.what
        );
        assert!(compile("n >", &schema()).is_err());
        assert!(compile("true", &schema()).is_err());
    }
}
