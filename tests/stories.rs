//! Whole commands as a user sees them: exit code, what goes to stdout, what to stderr. `UPDATE_EXPECT=1 cargo test --test stories` writes them anew.

mod cli;

use expect_test::{Expect, expect};

/// A run in words, the test's own folder named FOLDER.
fn story(args: &[&str], folder: &str, expected: &Expect) {
    let run = cli::hardwire(args, &[]);
    let told = format!("{:?}\n--- stdout\n{}--- stderr\n{}", run.code, run.stdout, run.stderr);
    expected.assert_eq(&if folder.is_empty() { told } else { told.replace(folder, "FOLDER") });
}

#[test]
fn a_file_that_is_not_there_is_named_once() {
    story(
        &["inspect", "nowhere"],
        "",
        &expect![[r#"
            Some(1)
            --- stdout
            --- stderr
            error: nowhere: cannot open: No such file or directory (os error 2)
        "#]],
    );
}

#[test]
fn wrong_usage_is_told_apart_from_work_that_failed() {
    story(
        &["explore"],
        "",
        &expect![[r#"
            Some(2)
            --- stdout
            --- stderr
            error: the following required arguments were not provided:
              <CONFIG>

            Usage: hardwire explore <CONFIG>

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn text_goes_to_stdout_and_nothing_else_does() {
    story(
        &["simulate", "tales", "--ids", "0,5,17", "-n", "6", "-q", "--float"],
        "",
        &expect![[r#"
            Some(0)
            --- stdout
            %1 Mock Turtle
            --- stderr
        "#]],
    );
}

#[test]
fn one_weight_is_told_down_to_its_bits() {
    let dir = tempfile::tempdir().unwrap();
    let chip = cli::compiled(dir.path()).display().to_string();
    story(
        &["inspect", &chip, "--at", "layers.1.mlp.down_proj[7,30]"],
        &chip,
        &expect![[r#"
            Some(0)
            --- stdout
            tensor       model.layers.1.mlp.down_proj.weight
            index        [7, 30] of [128, 384]
            code         5
            value        -3
            scale        320 (group 0)
            shift        15
            weight       -5.859375e-2
            stored bits  1010 (most significant first)
            ROM          rom/layers.1.mlp.down_proj/k0n0.codes.hex
            line         30 (from 0)
            lowest bit   28 (from the lowest of the word)
            --- stderr
        "#]],
    );
    story(
        &["books", &chip, "--bits", "3", "--node", "N5"],
        &chip,
        &expect![[r#"
            Some(1)
            --- stdout
            --- stderr
            error: FOLDER: --bits, --node cannot be changed in a chip that is compiled; hint: give the checkpoint, or compile it again with them
        "#]],
    );
}
