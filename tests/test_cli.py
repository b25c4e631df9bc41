"""The command line: every command on good and bad input, exit statuses, what is printed where."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import symgrad as sg
from symgrad import cli
from symgrad.show.terminal import fitted

ROOT = Path(__file__).parent.parent
DIGITS = str(ROOT / "docs" / "examples" / "digits.sg")
SMALL = "inputs:\n  x: (n)\nparameters:\n  w: (n)\nJ = sum((w - x)**2)\n"


@pytest.fixture
def symgrad(capsys, monkeypatch, tmp_path):
    """Runs a command in a folder of its own: (exit status, output, errors)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            cli.app([str(each) for each in arguments], prog_name="symgrad")
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.sg"
    path.write_text(SMALL)
    return path


def process(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", "from symgrad.cli import main; main()", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


# --- derive


def test_derive_prints_the_network_and_the_steps(symgrad):
    code, out, err = symgrad("derive", DIGITS)
    assert (code, err) == (0, "")
    net = sg.load(DIGITS)
    assert out == f"{net}\n\n{sg.gradient(net)}\n"
    assert "(P − Y)/B" in out


def test_derive_by_chosen_names(symgrad):
    for arguments in (["--wrt", "b2,Z2"], ["--wrt", "b2", "--wrt", "Z2"]):
        code, out, _ = symgrad("derive", DIGITS, *arguments, "--json")
        assert code == 0
        assert list(json.loads(out)["gradients"]) == ["b2", "Z2"]


def test_derive_in_other_formats(symgrad):
    derivation = sg.gradient(sg.load(DIGITS))
    assert symgrad("derive", DIGITS, "--format", "latex")[1] == f"{derivation.latex()}\n"
    assert symgrad("derive", DIGITS, "--format", "markdown")[1] == f"{derivation.markdown()}\n"
    assert "∂J/∂W₁  (d, h) = Xᵀ" in symgrad("derive", DIGITS, "--shapes")[1]


def test_derive_as_json(symgrad):
    code, out, _ = symgrad("derive", DIGITS, "--json")
    record = json.loads(out)
    assert code == 0
    assert record["parameters"] == ["W1", "b1", "W2", "b2"]
    assert record["gradients"]["b2"]["shape"] == ["c"]
    assert [each["name"] for each in record["definitions"]] == "Z1 A1 Z2 P L J".split()
    step = next(each for each in record["steps"] if each["of"] == "Z2")
    assert step["formula"]["numpy"] == "(P - Y) / B"
    assert step["facts"] == ["rows of Y sum to one"]
    assert step["uses"] == ["P"]


# --- check


def test_check_prints_the_report(symgrad):
    code, out, err = symgrad("check", DIGITS, "--seed", 3, "--sizes", "B=2,h=4", "--wrt", "W1")
    assert (code, err) == (0, "")
    net = sg.load(DIGITS)
    assert out == f"{sg.check(net, ['W1'], seed=3, sizes={'B': 2, 'h': 4})}\n"
    assert "B = 2" in out


def test_check_as_json(symgrad):
    code, out, _ = symgrad("check", DIGITS, "--json", "--sizes", "B=2 h=4")
    record = json.loads(out)
    assert code == 0
    assert record["agrees"] is True
    assert (record["sizes"]["B"], record["sizes"]["h"]) == (2, 4)
    assert [row["name"] for row in record["rows"]] == ["W1", "b1", "W2", "b2"]
    # the order of a Taylor remainder is 2, to the few per cent that the steps leave
    assert all(abs(row["order"] - 2) < 0.2 for row in record["rows"])


def test_a_failed_check_has_status_1(symgrad, tmp_path):
    path = tmp_path / "nan.sg"
    path.write_text("parameters:\n  w: (4)\nJ = sum(log(w - 100))\n")
    code, out, err = symgrad("check", path)
    assert (code, err) == (1, "")
    assert "not finite" in out
    code, out, _ = symgrad("check", path, "--json")
    strict = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert code == 1
    assert (strict["agrees"], strict["value"]) == (False, None)


def test_a_wrong_gradient_has_status_1(symgrad, small, monkeypatch):
    from dataclasses import replace

    right = sg.check(sg.load(small))
    wrong = replace(right, rows=tuple(replace(row, status="wrong") for row in right.rows))
    monkeypatch.setattr(sys.modules["symgrad.check"], "check", lambda *_, **__: wrong)
    code, out, _ = symgrad("check", small)
    assert code == 1
    assert "∂J/∂w is wrong" in out


def test_check_of_a_module(symgrad, small, tmp_path):
    assert symgrad("generate", small)[0] == 0
    code, out, err = symgrad("check", small, "--module", "generated/small.py")
    assert (code, err) == (0, "")
    assert "check of the float64 module of small" in out
    code, _, err = symgrad("check", DIGITS, "--module", "generated/small.py")
    assert code == 2
    assert "DeclarationError: the module is another graph's" in err
    assert "no file of Python" in symgrad("check", small, "--module", small)[2]
    assert "No such file" in symgrad("check", small, "--module", "none.py")[2]


# --- summary


def test_summary_prints_the_table(symgrad):
    code, out, err = symgrad("summary", DIGITS)
    assert (code, err) == (0, "")
    assert out == f"{sg.summary(sg.load(DIGITS))}\n"
    assert "c h + d h + c + h" in out


def test_summary_as_json(symgrad):
    arguments = ["--sizes", "B=32,d=64,h=64,c=10", "--dtype", "float32", "--json"]
    code, out, _ = symgrad("summary", DIGITS, *arguments)
    record = json.loads(out)
    assert code == 0
    assert record["parameters"] == 64 * 64 + 64 + 64 * 10 + 10
    assert record["values"][0] == {
        "name": "Z1",
        "by": "matrix product",
        "shape": [32, 64],
        "parameters": {"W1": [64, 64], "b1": [64]},
        "again": [],
        "numbers": 64 * 64 + 64,
        "flops": 32 * 64 * (2 * 64 + 1),
    }
    assert record["memory"]["training"] == 2 * record["parameters"] + record["memory"]["workspace"]
    assert json.loads(symgrad("summary", DIGITS, "--json")[1])["values"][0]["shape"] == ["B", "h"]


# --- generate


def test_generate_writes_and_check_compares(symgrad, small, tmp_path):
    path = tmp_path / "generated" / "small.py"
    code, out, err = symgrad("generate", small, "--check")
    assert (code, err) == (1, "")
    assert "does not exist" in out
    assert not path.exists()

    assert symgrad("generate", small)[:2] == (0, f"wrote {path.relative_to(tmp_path)}\n")
    text = path.read_text(encoding="utf-8")
    compile(text, "small.py", "exec")
    assert symgrad("generate", small, "--check")[0] == 0
    code, out, _ = symgrad("generate", small)
    assert (code, out) == (0, f"{path.relative_to(tmp_path)} is up to date\n")

    code, out, _ = symgrad("generate", small, "--dtype", "float32", "--check")
    assert code == 1
    assert "outdated" in out
    assert any(line.startswith("+") and "float32" in line for line in out.splitlines())
    assert path.read_text(encoding="utf-8") == text  # --check writes nothing
    assert symgrad("generate", small, "--dtype", "float32")[1].startswith("wrote")
    assert path.read_text(encoding="utf-8") != text


def test_edits_by_hand_are_told_and_kept(symgrad, small, tmp_path):
    path = tmp_path / "net.py"
    symgrad("generate", small, "-o", path)
    whole = path.read_text(encoding="utf-8")
    edited = whole.replace("import numpy as np", "import numpy as np  # mine", 1)
    path.write_text(edited, encoding="utf-8")
    code, out, _ = symgrad("generate", small, "-o", path, "--check")
    assert code == 1
    assert "edited by hand" in out
    assert "-import numpy as np  # mine" in out
    code, _, err = symgrad("generate", small, "-o", path)
    assert code == 2
    assert "left as it is" in err
    assert "--force" in err
    assert path.read_text(encoding="utf-8") == edited
    assert symgrad("generate", small, "-o", path, "--force")[0] == 0
    assert path.read_text(encoding="utf-8") == whole


def test_a_file_of_somebody_else_is_kept(symgrad, small, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("print('mine')\n")
    code, _, err = symgrad("generate", small, "-o", path)
    assert code == 2
    assert "left as it is" in err
    assert path.read_text() == "print('mine')\n"


def test_a_failed_generation_leaves_the_old_file(symgrad, small, tmp_path, monkeypatch):
    path = tmp_path / "net.py"
    symgrad("generate", small, "-o", path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    code, _, err = symgrad("generate", small, "-o", path, "--dtype", "float32")
    assert code == 2
    assert "No space left on device" in err
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["net.py", "small.sg"]


# --- demo


def test_demo_passes_its_options_on(symgrad, monkeypatch):
    from symgrad.train import demo

    seen = []
    monkeypatch.setattr(demo, "run", lambda *arguments: seen.append(arguments))
    assert symgrad("demo", "--out", "here", "--seed", "4")[0] == 0
    assert symgrad("demo")[0] == 0
    assert seen == [(Path("here"), 4), (Path("generated"), 0)]


# --- bad input


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["derive", "none.sg"], ["error: none.sg: No such file"]),
        (["derive", "."], ["DeclarationError:", "neither"]),
        (["derive", "typo.sg"], ["UnknownName: 'X' is not declared", "typo.sg, line 3", "^"]),
        (["derive", "vector.sg"], ["ShapeError:", "a gradient is of a number", "hint:"]),
        (["check", "vector.sg"], ["ShapeError:"]),
        (["generate", "vector.sg"], ["ShapeError:"]),
        (["derive", "small.sg", "--wrt", "v"], ["UnknownName:", "'v'"]),
        (["derive", "small.sg", "--format", "html"], ["text, latex, markdown"]),
        (["check", "small.sg", "--sizes", "m=3"], ["no dimension 'm'", "it has n"]),
        (["check", "small.sg", "--sizes", "n=0"], ["'n=0' is no size"]),
        (["check", "small.sg", "--sizes", "n"], ["'n' is no size"]),
        (["check", "small.sg", "--seed", "-1"], ["--seed"]),
        (["summary", "vector.sg"], ["ShapeError:"]),
        (["summary", "small.sg", "--sizes", "m=3"], ["no dimension 'm'", "it has n"]),
        (["summary", "small.sg", "--dtype", "int8"], ["DeclarationError:", "float64 or float32"]),
        (["generate", "small.sg", "--dtype", "float16"], ["DeclarationError:", "float32"]),
        (["generate", "small.sg", "-o", "no-module.txt"], ["TemplateError:", "no-module.txt"]),
        (["generate", "small.sg", "-o", "small.sg/net.py"], ["small.sg/net.py"]),
        (["generate", "small.sg", "-o", "binary.py"], ["binary.py was not generated by symgrad"]),
        (["check", "small.sg", "--sizes", f"n={10**15}"], ["error: Unable to allocate"]),
        (["derive", "fails.py:net"], ["DeclarationError:", "ZeroDivisionError", "line 1"]),
        (["derive"], ["FILE"]),
        (["derivate", "small.sg"], ["derivate"]),
    ],
)
def test_bad_input_has_status_2_and_says_why(symgrad, small, tmp_path, arguments, words):
    (tmp_path / "typo.sg").write_text("inputs:\n  x: (n)\nJ = sum(X)\n")
    (tmp_path / "vector.sg").write_text("parameters:\n  w: (n)\nJ = 2 * w\n")
    (tmp_path / "fails.py").write_text("1 / 0\n")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe")
    code, out, err = symgrad(*arguments)
    assert (code, out) == (2, "")
    assert not [word for word in words if word not in err]
    assert "Traceback" not in err


def test_no_arguments_show_the_help(symgrad):
    code, out, err = symgrad()
    assert code in (0, 2)  # as the version of the library has it
    assert "derive" in out + err


# --- as a process


def test_help_and_version_load_nothing_heavy():
    code = (
        "import sys\n"
        "from symgrad.cli import app\n"
        "for arguments in (['--help'], ['--version']):\n"
        "    try: app(arguments)\n"
        "    except SystemExit as ended: assert not ended.code\n"
        "heavy = {'sympy', 'numpy', 'numba', 'scipy', 'jinja2', 'mpmath'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "generate" in done.stdout
    assert f"symgrad {sg.__version__}" in done.stdout


def test_formulas_are_utf8_in_every_locale():
    running = process(
        "derive", DIGITS, env=os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    )
    out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, b"")
    assert "∂J/∂Z₂" in out.decode("utf-8")


def test_a_closed_output_is_no_error():
    command = f"{sys.executable} -c 'from symgrad.cli import main; main()' derive {DIGITS} >&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_pipe_that_closes_early_is_no_error_to_speak_of():
    running = process("derive", DIGITS)
    running.stdout.close()
    assert running.stderr.read() == b""
    assert running.wait(timeout=60) != 0
    running.stderr.close()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_an_interrupt_ends_quietly(tmp_path):
    running = process("demo", "--out", str(tmp_path))
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode != 0
    assert b"Traceback" not in err


# --- long lines


def test_lines_fit_a_terminal():
    table = "  a = b   through z: one, two, three\n  c = d   short\ntest: many words in one line"
    assert fitted(table, 30) == (
        "  a = b   through z: one, two,\n"
        "          three\n"
        "  c = d   short\n"
        "test: many words in one line"
    )
    assert fitted("test: many words in one line", 20) == "test: many words in\n      one line"
    assert fitted("test: sizes d = 3, h = 6", 20) == "test: sizes d = 3,\n      h = 6"
    assert fitted(table, 200) == table
    assert max(map(len, fitted("word " * 50, 40).splitlines())) <= 40
