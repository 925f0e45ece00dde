"""`holdfast messages`: what customers are told, what became of it, and what failed."""

from typing import Annotated, Any

import typer

from holdfast.client.cli import options
from holdfast.client.cli.options import Session, choice_option, with_session
from holdfast.client.cli.output import ExitCode, to_document
from holdfast.client.cli.tables import NOTICE, NOTICES_VERIFICATION, facts_of, table_of
from holdfast.client.models.notices import NoticeStatus

app = typer.Typer(no_args_is_help=True, help="Messages to customers: what was sent, what waits, and what failed.")

StatusOption = Annotated[
    list[Any] | None, choice_option(NoticeStatus, "Only those that stand so; may be given several times.", "--status")
]


@app.command("list")
@with_session
def list_messages(
    session: Session,
    status: StatusOption = None,
    store: Annotated[str, typer.Option("--store", help="Only those of this shop.")] = "",
    customer: Annotated[str, typer.Option("--customer", help="Only those to this customer.")] = "",
    limit: options.LimitOption = 100,
) -> None:
    """List messages, the newest first; --status failed and --status unknown show what did not arrive for certain."""
    found = session.list(
        lambda client: client.list_notices(
            statuses=status or (), store_id=store, customer_id=customer, page_size=min(limit, 100)
        ),
        limit,
    )
    session.show({"messages": to_document(found)}, table_of(NOTICE, found))


@app.command()
@with_session
def repeat(
    session: Session,
    number: Annotated[int, typer.Argument(help="The message's number.", metavar="NUMBER")],
    operator: Annotated[str, typer.Option("--operator", help="Who asks for it.")],
) -> None:
    """Send a message once more that has failed, or of which nobody knows whether it was sent."""
    found = session.run(lambda client: client.repeat_notice(number, operator=operator))
    session.show({"message": to_document(found)}, facts_of(NOTICE, found))


def verify(session: Session) -> None:
    """Count all attempts since the beginning, and compare; exit code 1 where one is missing or was sent twice."""
    found = session.run(lambda client: client.verify_notices(timeout_ms=session.timeout_ms))
    session.show({"verification": to_document(found)}, facts_of(NOTICES_VERIFICATION, found))
    if not found.holds:
        raise typer.Exit(ExitCode.REFUSED)


app.command()(with_session(verify, "2m"))
