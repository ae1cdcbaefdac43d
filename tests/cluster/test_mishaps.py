"""What goes wrong on clusters: demands that no node fulfils, cancelled jobs, a Snakemake that is killed."""

from __future__ import annotations

import subprocess

from tests.cluster.guest import Guest, job, kill, queue, wait_for

FACES = "results/tiny/faces/wflw.parquet"
SYNTHETIC = "results/tiny/raw/wflw/synthetic.json"


def test_what_no_node_has_is_one_line_before_anything_is_submitted(guest: Guest) -> None:
    code, text = guest.run(FACES, "--config", "cluster={most_mem_mb: null, rules: {read_faces: {mem_mb: 90000}}}")
    assert code == 2 and queue() == []
    (line,) = (line for line in text.splitlines() if "this cluster can never run some jobs" in line)
    assert "read_faces: requests 1 processors, 90000 MB" in line and "20000 MB" in line
    assert line.startswith("error: ") and "cluster.rules.<rule>" in line and "Traceback" not in text


def test_a_rule_that_is_none_is_one_line(guest: Guest) -> None:
    code, text = guest.run(FACES, "--config", "cluster={rules: {raed_faces: {mem_mb: 1}}}")
    assert code == 1 and "config: key cluster.rules.raed_faces: no rule of this run; did you mean read_faces?" in text


def test_a_cancelled_job_is_tried_again_with_twice_the_memory_and_time(guest: Guest) -> None:
    process = guest.start(SYNTHETIC)
    wait_for(guest.jobs, 60, "the first job")
    subprocess.run(["scancel", guest.jobs()[0]["JobId"]], check=True)
    assert process.wait(180) == 0, guest.said()
    first, second = guest.jobs()
    assert (first["JobState"], second["JobState"]) == ("CANCELLED", "COMPLETED")
    assert (first["MinMemoryNode"], second["MinMemoryNode"]) == ("1000M", "2000M")
    assert (first["TimeLimit"], second["TimeLimit"]) == ("01:00:00", "02:00:00")
    assert (guest.root / SYNTHETIC).exists()


def test_jobs_of_a_killed_snakemake_are_cancelled_before_others_take_their_place(guest: Guest) -> None:
    # Jobs that wait for ever, as a busy cluster would have them.
    blocker = subprocess.run(
        ["sbatch", "--parsable", "--output=/dev/null", "--exclusive", "--wrap=sleep 600"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    try:
        process = guest.start(FACES)
        wait_for(lambda: len(queue()) > 1, 60, "a job in the queue")
        (orphan,) = set(queue()) - {blocker}
        kill(process)
        assert orphan in queue()
        guest.must_run("--unlock")
        process = guest.start(FACES, log="again.log")
        wait_for(lambda: "cancelling" in guest.said("again.log"), 60, "the cancellation")
        wait_for(lambda: job(orphan)["JobState"] == "CANCELLED", 60, "the orphan's end")
        assert f"SLURM jobs of an earlier Snakemake that has ended: {orphan}" in guest.said("again.log")
    finally:
        subprocess.run(["scancel", blocker], check=True)
    assert process.wait(180) == 0, guest.said("again.log")
    assert (guest.root / FACES).exists()


def test_what_jobs_finish_after_snakemake_was_killed_counts_and_is_watched(guest: Guest) -> None:
    process = guest.start(SYNTHETIC)
    wait_for(queue, 60, "a job in the queue")
    kill(process)
    wait_for(lambda: not queue(), 120, "its end")
    assert (guest.root / SYNTHETIC).exists()
    guest.must_run("--unlock")
    plan = guest.must_run(SYNTHETIC, "--dry-run")
    assert "Nothing to be done" in plan and "missing provenance" not in plan
    # A record was left, so a later change of code is noticed.
    maker = guest.root / "src/uncover/synthetic/adults.py"
    text = maker.read_text()
    assert "_FACE_MM = 132.0" in text
    maker.write_text(text.replace("_FACE_MM = 132.0", "_FACE_MM = 133.0"))
    assert "Params have changed" in guest.must_run(SYNTHETIC, "--dry-run")
