"""The list of tables says what the tables themselves say."""

from __future__ import annotations

from soccerbench.report.tables.names import table_of_tables
from soccerbench.specs.claims import load_claims
from soccerbench.specs.figures import load_figure3
from soccerbench.specs.load import load_table, table_names
from soccerbench.specs.video_models import load_extractors


def test_the_list_is_that_of_the_loaded_tables() -> None:
    figure, claims = load_figure3(), load_claims()
    expected = [
        *(
            (one.table, one.title, len(one.rows), one.source)
            for one in (load_extractors(), *map(load_table, table_names()))
        ),
        (figure.figure, figure.title, None, figure.source),
        (claims.claims, claims.title, len(claims.sentences), claims.source),
    ]
    assert list(table_of_tables().items) == expected
