"""Hostile names and places: each setting that takes one refuses them before anything is read."""

import json
from pathlib import Path

import pytest

from customer_mart.cli import main
from customer_mart.errors import UsageError
from customer_mart.settings import load_settings

SENTINEL = "wJalrXUtnFEMI"
HOSTILE_NAMES = [
    "mart; DROP TABLE prod.payments",
    "mart`; DROP TABLE prod.payments; --",
    "mart`.`x",
    "m'art",
    'm"art',
    "mart--",
    "mart/*x*/",
    "../mart",
    "mart\n",
    "mart\x00",
    "mar t",
    "1mart",
    "mart.",
    ".mart",
    "mart..x",
    "märt",
    "${env:AWS_SECRET_ACCESS_KEY}",
    "",
]
HOSTILE_PLACES = [
    "/data/../etc",
    "..",
    "s3a://lake/staging/../../other",
    "data\\..\\etc",
    "/data/`; DROP TABLE prod.payments; --",
    '/data/"x"',
    "/data/x; DROP TABLE prod.payments",
    "/data\n",
    "/data\x00",
    "/data\x1b[2J",
    "s3a://lake/${env:AWS_SECRET_ACCESS_KEY}",
    "/data/${system:user.name}",
    "/data/${spark.hadoop.fs.s3a.secret.key}",
]
LABELS = [
    "customer_segments.otherwise",
    "player_types.regular",
    "scoring.promotion.vip_label",
    "scoring.vip_tiers.otherwise",
]
NAMES = ["sources.schema", "mart.schema", "sources.stg_games.table"]
PLACES = ["sources.location", "sources.stg_games.path", "mart.location", "mart.staging"]
CREDENTIALS = [
    f"s3a://AKIDEXAMPLE:{SENTINEL}@lake/mart",
    f"s3a://AKIDEXAMPLE:{SENTINEL}/with/slashes@lake/mart",
    f"s3a://AKIDEXAMPLE%3A{SENTINEL}@lake/mart",
    f"s3a://{SENTINEL}:1234/abc@lake/mart",
    f"wasbs://box@account.blob.core.windows.net/mart?sv=2024&sig={SENTINEL}",
    f"https://storage.googleapis.com/lake/mart?X-Goog-Signature={SENTINEL}",
    f"https://lake.example/mart?apikey={SENTINEL}",
    f"https://lake.example/mart?user=u&pwd={SENTINEL}",
    f"s3a:/AKIDEXAMPLE:{SENTINEL}@lake/mart",
    f"s3a:///AKIDEXAMPLE:{SENTINEL}@lake/mart",
    f"s3a:////AKIDEXAMPLE:{SENTINEL}@lake/mart",
]


def _refused(tmp_path: Path, setting: str, value: object) -> str:
    """The one sentence that refuses a value in a configuration."""
    config = tmp_path / "mart.yml"
    tree = value
    for name in reversed(setting.split(".")):
        tree = {name: tree}
    # JSON is YAML, and says every control character.
    config.write_text(json.dumps(tree))
    with pytest.raises(UsageError) as refused:
        load_settings(config)
    assert str(refused.value).startswith(f"The setting {setting}")
    assert str(refused.value).isprintable()
    return str(refused.value)


@pytest.mark.parametrize("setting", NAMES)
@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_that_is_none_is_refused(tmp_path: Path, setting: str, name: str) -> None:
    assert "a name in a catalog is letters, digits, _ and -" in _refused(tmp_path, setting, name)


def test_a_name_that_begins_with_a_digit_is_told_what_a_name_begins_with(tmp_path: Path) -> None:
    told = _refused(tmp_path, "sources.schema", "2024_staging")
    assert told.endswith("each of which begins with a letter or _ (found '2024_staging')")


@pytest.mark.parametrize("setting", PLACES)
@pytest.mark.parametrize("place", HOSTILE_PLACES)
def test_a_path_that_leaves_its_folder_or_its_quotes_is_refused(
    tmp_path: Path, setting: str, place: str
) -> None:
    assert "a path must not contain " in _refused(tmp_path, setting, place)


@pytest.mark.parametrize("setting", PLACES)
@pytest.mark.parametrize("place", ["", " "], ids=repr)
def test_an_empty_path_is_none(tmp_path: Path, setting: str, place: str) -> None:
    assert "a path must not be empty; null" in _refused(tmp_path, setting, place)


@pytest.mark.parametrize(
    "place",
    [
        "/data/it's mine",
        "/data/with blank/é",
        "data/..hidden/x..y",
        "hdfs://name-node:8020/mart",
        "hdfs://name-node/mart@home",
        "abfss://box@account.dfs.core.windows.net/mart",
        "s3a://lake/day=2025-01-01/",
        "/data/*/signups",
    ],
)
def test_any_other_path_is_taken(place: str) -> None:
    settings = load_settings(None, locations={"mart": place})
    assert settings.mart.location == place


@pytest.mark.parametrize("setting", PLACES)
@pytest.mark.parametrize("place", CREDENTIALS)
def test_a_credential_in_a_place_is_refused_and_not_repeated(
    tmp_path: Path, setting: str, place: str
) -> None:
    told = _refused(tmp_path, setting, place)
    assert "it holds a credential, which belongs to the session" in told
    assert SENTINEL not in told


@pytest.mark.parametrize(
    "option",
    [
        "fs.s3a.secret.key",
        "fs.s3a.access.key",
        "fs.s3a.session.token",
        "fs.azure.account.key.account.dfs.core.windows.net",
        "fs.azure.account.oauth2.client.secret",
        "fs.azure.sas.fixed.token.box",
        "google.cloud.auth.service.account.private.key",
        "password",
        "awsSecretAccessKey",
        "apikey",
        "pwd",
        "fs.azure.oauth",
        "fs.s3a.access",
    ],
)
def test_an_option_that_is_a_credential_is_refused_and_not_repeated(
    tmp_path: Path, option: str
) -> None:
    told = _refused(tmp_path, "sources.stg_games.options", {option: SENTINEL})
    assert f"the option {option} is a credential" in told
    assert SENTINEL not in told


def test_a_credential_in_an_option_s_value_is_refused(tmp_path: Path) -> None:
    told = _refused(tmp_path, "sources.stg_games.options", {"basePath": CREDENTIALS[0]})
    assert "it holds a credential" in told
    assert SENTINEL not in told


def test_a_credential_in_the_place_of_something_else_is_not_repeated(tmp_path: Path) -> None:
    told = _refused(tmp_path, "sources.time_zone", CREDENTIALS[0])
    assert told.endswith("contains a credential, which does not belong in settings")
    assert SENTINEL not in told


@pytest.mark.parametrize("option", ["path", "Paths"])
def test_an_option_is_no_way_to_another_place(tmp_path: Path, option: str) -> None:
    told = _refused(tmp_path, "sources.stg_games.options", {option: "/data/../etc"})
    assert f"{option} is no option: the place has a setting of its own, path" in told


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("ignoreCorruptFiles", "true"),
        ("IGNOREMISSINGFILES", True),
        ("mode", "DropMalformed"),
        ("MODE", "DROPMALFORMED"),
    ],
)
def test_no_option_hides_rows_that_cannot_be_read(
    tmp_path: Path, option: str, value: object
) -> None:
    told = _refused(tmp_path, "sources.stg_games.options", {option: value})
    shown = str(value).lower() if isinstance(value, bool) else value
    assert f"{option} must not be {shown} here: rows that cannot be read" in told


@pytest.mark.parametrize(
    "option", ["fs.s3a.path.style.access", "sep", "mergeSchema", "author", "mode"]
)
def test_any_other_option_is_taken(option: str) -> None:
    settings = load_settings(None, [f"sources.stg_games.options={json.dumps({option: 'true'})}"])
    assert settings.sources.source("stg_games").options == {option: "true"}


def test_an_option_may_be_true_false_or_a_number(tmp_path: Path) -> None:
    config = tmp_path / "mart.yml"
    options = "{header: true, mergeSchema: false, maxColumns: 1, samplingRatio: 0.5}"
    config.write_text(f"sources: {{stg_games: {{options: {options}}}}}")
    taken = load_settings(config).sources.source("stg_games").options
    assert taken == {
        "header": "true",
        "mergeSchema": "false",
        "maxColumns": "1",
        "samplingRatio": "0.5",
    }


@pytest.mark.parametrize("secret", [f"{SENTINEL}!", f"7{SENTINEL}", 1234567890123456])
def test_a_salt_in_the_place_of_its_variable_is_not_repeated(
    tmp_path: Path, secret: str | int
) -> None:
    told = _refused(tmp_path, "erasure.salt_env", secret)
    assert "name an environment variable that holds the secret, not the secret" in told
    assert str(secret) not in told


@pytest.mark.parametrize(
    "override",
    [
        SENTINEL,
        f"={SENTINEL}",
        f"erasure={SENTINEL}",
        f"erasure.salt_env:{SENTINEL}",
        f"erasure.salt_env:{SENTINEL}=1",
        f"erasure.salt_env:{SENTINEL}=[",
        f"status.max_age_hours:x.{SENTINEL}=1",
        f"sources.stg_games.options=fs.s3a.secret.key={SENTINEL}",
        f"sources.stg_games.options.fs.s3a.secret.key={SENTINEL}",
        f"sources.stg_games.options.sep:x.{SENTINEL}=1",
        f"sources.stg_games.columns.x:{SENTINEL}=1",
        f"scoring.vip_tiers.bands.label:{SENTINEL}.x=1",
    ],
)
def test_an_override_that_is_none_is_not_repeated(override: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_settings(None, [override])
    assert SENTINEL not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        f"mart: {CREDENTIALS[0]}",
        f"mart: {{secret_key: {SENTINEL}}}",
        f"fs.s3a.secret.key: {SENTINEL}",
        f"erasure: {SENTINEL}",
        f"erasure: {{salt_env: '{SENTINEL}!'}}",
        f'mart: "{CREDENTIALS[0]}',
        f"mart: *{SENTINEL}",
        f"mart: !{SENTINEL} x",
        f"mart: {{location: s3a://lake, {SENTINEL}",
        # The blank after a : is forgotten.
        f"mart: {{location:{CREDENTIALS[0]}}}",
        f"erasure: {{salt_env:{SENTINEL}}}",
        f"erasure: {{? ':{SENTINEL}' : x}}",
        f"sources: {{stg_games: {{options: {{fs.s3a.secret.key:{SENTINEL}}}}}}}",
        f"sources: {{stg_games: {{options: {{fs.s3a.secret.key={SENTINEL}: x}}}}}}",
        f"sources:\n  stg_games:\n    options:\n      fs.s3a.secret.key:{SENTINEL}",
        f"sources: {{stg_games: {{columns: {{x:{SENTINEL}: y}}}}}}",
    ],
)
@pytest.mark.parametrize("flags", [[], ["--verbose"]])
def test_no_error_of_a_configuration_repeats_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, flags: list[str]
) -> None:
    config = tmp_path / "mart.yml"
    config.write_text(text)
    assert main(["build", "--config", str(config), *flags]) == 2
    out, err = capsys.readouterr()
    assert err.splitlines()[-1].startswith("customer-mart: ")
    assert SENTINEL not in out + err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "mart: {location:/data}",
            "Unknown setting mart.location...; the nearest one is mart.location",
        ),
        (
            "sources: {stg_games: {columns: {user_id:x: y}}}",
            "The setting sources is not valid: stg_games has no column user_id... to map",
        ),
        (
            "sources:\n  stg_games:\n    options:\n      sep:x",
            "The setting sources.stg_games.options is not valid: settings by name are expected",
        ),
    ],
)
def test_of_a_name_with_a_forgotten_blank_the_beginning_is_shown(
    tmp_path: Path, text: str, sentence: str
) -> None:
    config = tmp_path / "mart.yml"
    config.write_text(text)
    with pytest.raises(UsageError) as refused:
        load_settings(config)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "reader",
    ["", " ", "bi`; DROP TABLE x; --", "bi\n", 'b"i', "bi; x", "${env:HOME}"],
    ids=repr,
)
def test_a_reader_that_is_no_user_or_group_is_refused(tmp_path: Path, reader: str) -> None:
    told = _refused(tmp_path, "publish.view_readers", ["BI users", reader])
    assert told.startswith("The setting publish.view_readers.1 is not valid: a user or group must")


def test_a_reader_may_be_a_user_or_a_group() -> None:
    readers = ["BI users", "ann@lottery.example", "O'Brien"]
    settings = load_settings(None, [f"publish.view_readers={json.dumps(readers)}"])
    assert settings.publish.view_readers == tuple(readers)


@pytest.mark.parametrize("setting", LABELS)
def test_a_label_with_a_reference_to_a_variable_is_refused(tmp_path: Path, setting: str) -> None:
    told = _refused(tmp_path, setting, "Top ${env:AWS_SECRET_ACCESS_KEY}")
    assert f"The setting {setting} is not valid: a label must not contain ${{" in told


def test_a_band_s_label_with_a_reference_to_a_variable_is_refused(tmp_path: Path) -> None:
    bands = [{"at_least": 1, "label": "${env:HOME}"}]
    told = _refused(tmp_path, "scoring.vip_tiers.bands", bands)
    assert "bands.0.label is not valid: a label must not contain ${" in told


def test_an_option_with_a_reference_to_a_variable_is_refused(tmp_path: Path) -> None:
    told = _refused(tmp_path, "sources.stg_games.options", {"sep": "${env.HOME}"})
    assert "an option must not contain ${" in told


def test_any_other_label_is_taken() -> None:
    label = 'Top $ {5}\'s "best"; --'
    settings = load_settings(None, [f"player_types.regular={json.dumps(label)}"])
    assert settings.player_types.regular == label


def test_a_folder_above_may_be_typed_but_not_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert main(["summary", "--set", "mart.location=../mart"]) == 2
    assert "a path must not contain ..: name" in capsys.readouterr().err
    monkeypatch.setattr("customer_mart.cli.get_session", lambda **_: pytest.fail("not reached"))
    with pytest.raises(pytest.fail.Exception, match="not reached"):
        main(["summary", "--mart", "../mart"])
