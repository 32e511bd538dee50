from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from customer_mart.errors import UsageError
from customer_mart.settings import Settings, load_settings

CONF = Path(__file__).parents[2] / "conf"


def _file(folder: Path, text: str) -> Path:
    config = folder / "mart.yml"
    config.write_text(text, encoding="utf-8")
    return config


def _names(tree: object, path: tuple[str, ...] = ()) -> set[str]:
    """Every setting's full name; the items of a list by their number."""
    items = list(enumerate(tree)) if isinstance(tree, list | tuple) else tree
    pairs = items.items() if isinstance(items, dict) else items
    if not isinstance(pairs, list | type({}.items())):
        return {".".join(path)}
    return {name for key, value in pairs for name in _names(value, (*path, str(key)))}


def test_without_a_file_every_setting_has_its_default() -> None:
    assert load_settings(None) == Settings()


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    config = _file(
        tmp_path, "scoring:\n  min_tenure_days: 0\n  frequency:\n    at_least: {2: 0.6}\n"
    )
    settings = load_settings(config)
    assert settings.scoring.min_tenure_days == 0
    assert settings.scoring.frequency.at_least == {
        5: Decimal(5),
        4: Decimal(3),
        3: Decimal(1),
        2: Decimal("0.6"),
    }
    back = {"min_tenure_days": Decimal(30), "frequency": Settings().scoring.frequency}
    assert settings.scoring.model_copy(update=back) == Settings().scoring


def test_an_override_wins_over_the_file_and_the_last_one_over_the_others(tmp_path: Path) -> None:
    config = _file(tmp_path, "scoring: {horizon_years: 3}")
    overrides = ["scoring.horizon_years=4", "scoring.horizon_years=2"]
    assert load_settings(config, overrides).scoring.horizon_years == 2


def test_an_override_reaches_a_score_by_its_number() -> None:
    settings = load_settings(None, ["scoring.recency.at_most.5=6.5"])
    assert settings.scoring.recency.at_most[5] == Decimal("6.5")
    assert settings.scoring.recency.at_most[4] == 30


def test_an_override_takes_a_cutoff_away_with_null() -> None:
    settings = load_settings(None, ["scoring.high_jackpot.at_least.3=null"])
    assert settings.scoring.high_jackpot.at_least == {5: Decimal(5), 4: Decimal(3)}


def test_an_override_reaches_an_item_of_a_list_by_its_number() -> None:
    settings = load_settings(None, ["scoring.prediction_bands.0.share=0.9"])
    assert settings.scoring.prediction_bands[0].at_least == 1000
    assert settings.scoring.prediction_bands[0].share == Decimal("0.9")
    assert settings.scoring.prediction_bands[1:] == Settings().scoring.prediction_bands[1:]


def test_an_override_adds_an_item_at_the_end_of_a_list() -> None:
    settings = load_settings(None, ["scoring.prediction_bands.5={at_least: 10, share: 0.1}"])
    assert [band.at_least for band in settings.scoring.prediction_bands] == [
        1000,
        500,
        200,
        100,
        50,
        10,
    ]


def test_a_list_in_a_file_takes_the_place_of_the_default_one(tmp_path: Path) -> None:
    config = _file(tmp_path, "scoring: {prediction_bands: [{at_least: 9, share: 0.5}]}")
    [band] = load_settings(config).scoring.prediction_bands
    assert band.model_dump() == {"at_least": 9, "share": Decimal("0.5")}


def test_an_override_reaches_an_item_of_a_list_in_a_file(tmp_path: Path) -> None:
    config = _file(tmp_path, "scoring: {prediction_bands: [{at_least: 9, share: 0.5}]}")
    [band] = load_settings(config, ["scoring.prediction_bands.0.share=1"]).scoring.prediction_bands
    assert band.model_dump() == {"at_least": 9, "share": 1}


def test_an_override_takes_a_whole_list() -> None:
    settings = load_settings(
        None,
        ["customer_segments.bands=[{at_least: 2, label: Regular}, {at_least: 1, label: New}]"],
    )
    assert settings.customer_segments.labels == ["Regular", "New", "No Purchase"]


def test_an_override_keeps_an_equals_sign_in_its_value() -> None:
    settings = load_settings(None, ["mart.location=s3a://lottery/env=prod/mart"])
    assert settings.mart.location == "s3a://lottery/env=prod/mart"


def test_an_instant_without_an_offset_is_utc() -> None:
    for text in ("2000-01-01", "2000-01-01T00:00:00", "2000-01-01T01:00:00+01:00"):
        settings = load_settings(None, [f"quality.earliest_timestamp={text}"])
        assert settings.quality.earliest_timestamp == datetime(2000, 1, 1, tzinfo=timezone.utc)


def test_a_folder_of_the_command_line_takes_the_place_of_the_file_s(tmp_path: Path) -> None:
    config = _file(
        tmp_path, "sources: {schema: lottery.staging, time_zone: Europe/Berlin}\nmart:\n"
    )
    settings = load_settings(config, (), {"sources": "/data/staging", "mart": "/data/mart"})
    assert settings.sources.source("stg_games").path == "/data/staging/stg_games"
    assert settings.sources.source("stg_games").table is None
    assert settings.sources.time_zone == "Europe/Berlin"
    assert settings.mart.location == "/data/mart"


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "mart:\n", "scoring: null\nsources: {}\n"]
)
def test_an_empty_file_or_group_changes_nothing(tmp_path: Path, text: str) -> None:
    assert load_settings(_file(tmp_path, text)) == Settings()


def test_an_override_fills_a_group_that_the_file_left_empty(tmp_path: Path) -> None:
    config = _file(tmp_path, "mart:\n")
    assert (
        load_settings(config, ["mart.schema=lottery.mart"]).mart.catalog_schema == "lottery.mart"
    )


@pytest.mark.parametrize(
    ("override", "unknown", "nearest"),
    [
        ("scoring.min_tenure=0", "scoring.min_tenure", "scoring.min_tenure_days"),
        ("scorin.horizon_years=2", "scorin", "scoring"),
        ("hight_jackpot_threshold=5", "hight_jackpot_threshold", "high_jackpot_threshold_minor"),
        ("mart.catalog_schema=x", "mart.catalog_schema", "mart.schema"),
        ("sources.stg_signup.path=x", "sources.stg_signup", "sources.stg_signups"),
        (
            "scoring.quick_conversion.never_purchased=0",
            "scoring.quick_conversion.never_purchased",
            "scoring.quick_conversion.never_purchased_score",
        ),
        (
            "scoring.vip_tiers.bands.0.lable=Top",
            "scoring.vip_tiers.bands.0.lable",
            "scoring.vip_tiers.bands.0.label",
        ),
    ],
)
def test_an_unknown_setting_names_the_nearest_one(
    override: str, unknown: str, nearest: str
) -> None:
    with pytest.raises(UsageError) as refused:
        load_settings(None, [override])
    assert str(refused.value) == f"Unknown setting {unknown}; the nearest one is {nearest}"


def test_an_unknown_setting_in_a_file_names_the_nearest_one(tmp_path: Path) -> None:
    config = _file(tmp_path, "scoring: {weights: {rfms: 40}}")
    with pytest.raises(
        UsageError, match=r"Unknown setting scoring\.weights\.rfms; .*weights\.rfm$"
    ):
        load_settings(config)


@pytest.mark.parametrize("override", ["scoring.min_tenure_days", "=0", " =0", ""])
def test_an_override_without_a_name_or_a_value_is_refused(override: str) -> None:
    with pytest.raises(UsageError, match=r"--set takes name=value, .*: one has no name or no =$"):
        load_settings(None, [override])


def test_an_override_with_a_value_that_is_not_yaml_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--set mart\.location: what follows .* a YAML"):
        load_settings(None, ["mart.location=["])


NO_VALUES = [
    "2025-02-30",
    "2025-01-01T00:00:00+99:00",
    "!!int x1",
    "!!bool x1",
    "!!timestamp x1",
    "[!!float x1]",
]


@pytest.mark.parametrize("value", NO_VALUES)
def test_a_date_or_number_that_there_is_not_is_refused_with_its_setting(value: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_settings(None, [f"quality.earliest_timestamp={value}"])
    assert str(refused.value).startswith(
        "--set quality.earliest_timestamp: what follows the = is not a YAML value (there is no "
        "such date or number at line 1, column "
    )
    assert "x1" not in str(refused.value)


@pytest.mark.parametrize("value", NO_VALUES)
def test_a_date_or_number_that_there_is_not_is_refused_with_its_line(
    tmp_path: Path, value: str
) -> None:
    config = _file(tmp_path, f"quality:\n  earliest_timestamp: {value}\n")
    with pytest.raises(UsageError) as refused:
        load_settings(config)
    assert str(refused.value).startswith(
        f"The configuration {config} is not valid YAML: there is no such date or number at line 2"
    )
    assert "x1" not in str(refused.value)


def test_a_path_s_numbers_are_those_that_python_reads() -> None:
    with pytest.raises(UsageError, match=r"Unknown setting scoring\.²"):
        load_settings(None, ["scoring.²=1"])


def test_an_override_inside_a_single_value_is_refused(tmp_path: Path) -> None:
    config = _file(tmp_path, "mart: {location: here}")
    with pytest.raises(UsageError, match=r"--set mart\.location\.x: location is a single value"):
        load_settings(config, ["mart.location.x=1"])


def test_an_override_of_a_list_by_a_name_is_refused() -> None:
    with pytest.raises(UsageError, match="first is in the place of a number"):
        load_settings(None, ["scoring.prediction_bands.first.share=1"])


@pytest.mark.parametrize(
    ("override", "setting", "reason"),
    [
        (
            "scoring.weights.rfm=50",
            "scoring.weights",
            "weights must add up to 100, these add up to 110",
        ),
        (
            "scoring.min_tenure_days=-1",
            "scoring.min_tenure_days",
            "it has to be greater than or equal to 0 (found -1)",
        ),
        (
            "scoring.min_tenure_days=106751992",
            "scoring.min_tenure_days",
            "it has to be less than or equal to 106751991 (found 106751992)",
        ),
        (
            "high_jackpot_threshold_minor=9223372036854775808",
            "high_jackpot_threshold_minor",
            "it has to be less than 9223372036854775808 (found 9223372036854775808)",
        ),
        (
            "publish.view_readers=bi",
            "publish.view_readers",
            "a list is expected, such as [a, b] (found 'bi')",
        ),
        ("mart=here", "mart", "settings by name are expected"),
        ("publish.view=maybe", "publish.view", "true or false is expected (found 'maybe')"),
        (
            "maintenance.retention_hours=1.5",
            "maintenance.retention_hours",
            "a whole number is expected (found 1.5)",
        ),
        ("scoring.horizon_years=x", "scoring.horizon_years", "a number is expected (found 'x')"),
        (
            "scoring.horizon_years=1.1234567",
            "scoring.horizon_years",
            "it has to have no more than 6 decimal places (found 1.1234567)",
        ),
        (
            "quality.earliest_timestamp=yesterday",
            "quality.earliest_timestamp",
            "a time is expected, such as 2025-01-01T00:00:00Z (found 'yesterday')",
        ),
        (
            "quality.earliest_timestamp='0001-01-01T00:00:00+14:00'",
            "quality.earliest_timestamp",
            "in UTC the year has to be from 1 to 9999 (found '0001-01-01T00:00:00+14:00')",
        ),
        (
            "sources.schema=2024",
            "sources.schema",
            "text is expected, in quotes where YAML takes it for something else (found 2024)",
        ),
        ("player_types.regular=''", "player_types.regular", "it must not be empty (found '')"),
        (
            "sources.stg_games.format=excel",
            "sources.stg_games.format",
            "it has to be 'auto', 'delta', 'parquet' or 'csv' (found 'excel')",
        ),
        (
            "scoring.frequency.at_least.6=9",
            "scoring.frequency.at_least.6",
            "it has to be less than or equal to 5 (found 6)",
        ),
        (
            "sources.time_zone=Mars/Base",
            "sources.time_zone",
            "'Mars/Base' is not a time zone such as Europe/Paris or UTC (found 'Mars/Base')",
        ),
    ],
)
def test_a_bad_value_is_one_sentence_with_its_setting(
    override: str, setting: str, reason: str
) -> None:
    with pytest.raises(UsageError) as refused:
        load_settings(None, [override])
    assert str(refused.value) == f"The setting {setting} is not valid: {reason}"


def test_a_setting_that_an_item_of_a_list_lacks_is_missing() -> None:
    with pytest.raises(UsageError) as refused:
        load_settings(None, ["customer_segments.bands=[{at_least: 2}]"])
    assert str(refused.value) == "The setting customer_segments.bands.0.label is missing"


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Cannot read the configuration .*no\.yml: No such file"):
        load_settings(tmp_path / "no.yml")


def test_a_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"The configuration .*mart\.yml is not valid YAML: .*"):
        load_settings(_file(tmp_path, "mart: [\n"))


@pytest.mark.parametrize("value", ["!hunter2!x 1", "!hunter2 1", "*hunter2", "'hunter2"])
def test_a_fault_in_yaml_is_told_without_the_file_s_words(tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError, match=r"at line \d, column") as refused:
        load_settings(_file(tmp_path, f"mart:\n  location: {value}\n"))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", ["- mart", "mart", "5"])
def test_a_file_that_holds_no_names_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="must hold settings by name"):
        load_settings(_file(tmp_path, text))


def test_base_yml_spells_out_every_setting_at_its_default() -> None:
    settings = load_settings(CONF / "base.yml")
    assert settings == Settings()
    assert settings.hash == Settings().hash
    spelled_out = yaml.safe_load((CONF / "base.yml").read_text(encoding="utf-8"))
    assert _names(spelled_out) == _names(Settings().model_dump(by_alias=True))


def test_a_setting_that_base_yml_spells_out_can_still_be_overridden() -> None:
    overrides = ["scoring.prediction_bands.4.share=0.1", "customer_segments.bands.0.at_least=20"]
    settings = load_settings(CONF / "base.yml", overrides)
    assert settings == load_settings(None, overrides)
    assert settings.customer_segments.bands[0].at_least == 20


def test_local_yml_names_folders_and_changes_no_meaning() -> None:
    settings = load_settings(CONF / "local.yml")
    assert settings.sources.source("stg_signups").path == "demo/staging/stg_signups"
    assert settings.mart.location == "demo/mart"
    assert settings.hash == Settings().hash


def test_prod_yml_names_tables_of_a_catalog() -> None:
    settings = load_settings(CONF / "prod.yml")
    deposits = settings.sources.source("stg_deposits")
    assert deposits.table == "lottery.staging.stg_deposits"
    assert deposits.columns == {"deposit_amount_minor": "deposit_amount_inminor"}
    assert settings.mart.catalog_schema == "lottery.mart"
    assert settings.scoring == Settings().scoring


def test_a_group_that_is_a_single_value_takes_no_folder(tmp_path: Path) -> None:
    config = tmp_path / "mart.yml"
    config.write_text("sources: everywhere")
    with pytest.raises(UsageError, match="sources is a single value"):
        load_settings(config, [], {"sources": "/staging"})


def test_a_configuration_in_another_encoding_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "mart.yml"
    config.write_bytes("mart: {location: /m\xfcnchen}".encode("latin-1"))
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        load_settings(config)
