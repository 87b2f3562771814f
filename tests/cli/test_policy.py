import shutil

from hlm.cli.main import main

SIDE = 32


def test_info(checkpoint, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["policy", "info", str(checkpoint)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "robot unitree_g1, 30 Hz" in text
    assert "type compact" in text
    assert f"cameras head; {SIDE} x {SIDE} px, seen at {SIDE} x {SIDE} px" in text
    assert "actions 50 absolute, bimanual order" in text
    assert "proprioception yes" in text
    assert "sampling 3 Euler steps, execution horizon 25 actions" in text
    assert "vocabulary cup, lift, the" in text
    assert "trained 2 updates on" in text
    assert "resumable yes" in text


def test_card(checkpoint, capsys):
    assert main(["policy", "info", str(checkpoint), "--card"]) == 0
    assert capsys.readouterr().out.strip() == (checkpoint / "card.md").read_text(encoding="utf-8").strip()


def test_sampling_is_kept(checkpoint, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["policy", "sampling", str(checkpoint), "--euler-steps", "7", "--execution-horizon", "11"]) == 0
    assert main(["policy", "info", str(checkpoint)]) == 0
    assert capsys.readouterr().out.count("7 Euler steps, execution horizon 11 actions") == 2


def test_nothing_to_change_is_refused(checkpoint, refused):
    assert "nothing to change" in refused("policy", "sampling", str(checkpoint))


def test_sampling_of_no_checkpoint_is_refused(refused):
    assert "no checkpoint at none" in refused("policy", "sampling", "none", "--execution-horizon", "3")


def test_an_older_format_is_one_line(checkpoint, folder, refused):
    copy = folder / "older"
    copy.mkdir()
    (copy / "model.safetensors").write_bytes((checkpoint / "model.safetensors").read_bytes())
    (copy / "config.yaml").write_text("format: 1\nembodiment: unitree_g1\n")
    said = refused("policy", "info", "older")
    assert "has format 1, this hlm reads 3. Train the policy again, or install an older hlm." in said


def test_damaged_weights_are_one_line(checkpoint, folder, refused):
    copy = folder / "damaged"
    copy.mkdir()
    for file in checkpoint.iterdir():
        if file.is_file():
            (copy / file.name).write_bytes(file.read_bytes())
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "is damaged" in refused("policy", "info", "damaged")


def test_info_says_which_files_have_no_checksum(checkpoint, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    policy = shutil.copytree(checkpoint, tmp_path / "policy")
    sums = policy / "SHA256SUMS"
    sums.write_text("".join(line for line in sums.read_text().splitlines(keepends=True) if "safetensors" not in line))
    assert main(["policy", "info", str(policy)]) == 0
    assert "checksums none of model.safetensors; the others are right" in " ".join(capsys.readouterr().out.split())
    sums.unlink()
    assert main(["policy", "info", str(policy)]) == 0
    assert "checksums none; an older hlm wrote it" in " ".join(capsys.readouterr().out.split())
