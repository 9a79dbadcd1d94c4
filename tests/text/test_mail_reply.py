"""What a mail program adds to a reply: never a command, and no part of a prompt."""

import pytest

from bot.commands.parsing.comment import read
from bot.commands.run import Run

UNDERSCORES = "_" * 32
OUTLOOK = f"{UNDERSCORES}\r\nFrom: bob <...>\r\nSent: Monday\r\nTo: o/r\r\nSubject: Re: [o/r] Bug\r\n\r\n"
ON = "On Mon, Nov 2, 2026 at 9:10 PM bob ***@***.***> wrote:\n"
COMMAND = "/codegen run fix the login"


@pytest.mark.parametrize(
    "before_the_quoted",
    [
        OUTLOOK,
        OUTLOOK.replace("From: ", "**From:** "),
        OUTLOOK.replace("From", "Von").replace("Sent", "Gesendet").replace("Subject", "Betreff"),
        OUTLOOK.replace("From:", "De :").replace("Sent", "Envoyé").replace("Subject:", "Objet :"),
        OUTLOOK.replace("From", "发件人").replace("Sent", "发送时间").replace("Subject", "主题"),
        "From: bob <bob@example.com>\nDate: Monday\nTo: o/r\nSubject: Re: Bug\n\n",
        "-----Original Message-----\n",
        "-----Original Message-----\nFrom: bob\n\n",
        "-----Ursprüngliche Nachricht-----\n",
        "-------- Message d'origine --------\n",
        ON,
        "On Nov 2, 2026, at 21:10, bob wrote:\n\n",
        "On Mon, Nov 2, 2026 at 9:10 PM somebody with a long name\n<notifications@github.com> wrote:\n\n",
        "Am Mo., 2. Nov. 2026 um 21:10 Uhr schrieb bob <b@example.com>:\n\n",
        "Le lun. 2 nov. 2026 à 21:10, bob <b@example.com> a écrit :\n\n",
        "El lun, 2 nov 2026 a las 21:10, bob (<b@example.com>) escribió:\n\n",
        "在 2026年11月2日 21:10,bob <b@example.com> 写道:\n\n",
    ],
)
def test_quoted_command_without_signs_is_not_read(before_the_quoted: str) -> None:
    assert read(f"Thanks!\r\n\r\n{before_the_quoted}{COMMAND}") == []
    assert [said.command for said in read(f"{COMMAND}\r\n\r\n{before_the_quoted}/codegen run no")] == [
        Run("fix the login")
    ]


@pytest.mark.parametrize(
    "added",
    [
        f"{ON}\n> it is broken\n>\n> —\n> Reply to this email directly, view it on GitHub\n> <https://u.test>.\n",
        f"{ON}it is broken\n\n—\nReply to this email directly, or unsubscribe <https://u.test>.",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Get Outlook for iOS<https://aka.ms/o0ukef>\n",
        "-- \nAlice Example\nExample Ltd.",
        f"Sent from my iPhone\n\n{ON}\n> it is broken",
        f"-- \nAlice\n\n{OUTLOOK}{COMMAND}",
        f"Get Outlook for Android\n{OUTLOOK}{COMMAND}",
    ],
)
def test_prompt_ends_before_what_a_mail_program_added(added: str) -> None:
    assert [said.command for said in read(f"{COMMAND}\n\n{added}")] == [Run("fix the login")]


@pytest.mark.parametrize(
    "prompt",
    [
        "read the header\nFrom: bob\nTo: alice",
        "explain From: and Subject:\nFrom: x\nSubject: y\nSent: z",
        "this mail:\n```\n-----Original Message-----\nFrom: a@b\n```\nshow it",
        "as bob wrote:\n> fix it",
        "On Monday bob wrote:\nfix it",
        f"as said\n\n{ON}\n> it is broken\n\nfix that",
        "print the line\nSent from my iPhone",
        "Sent from my phone is printed\n\nremove that",
        "a queue\n\nSent from my service, messages get lost",
        "a list\n\n--\nand more",
        "a rule\n\n________________________________\n\nand more",
    ],
)
def test_prompt_that_people_type_is_kept(prompt: str) -> None:
    assert [said.command for said in read(f"/codegen run {prompt}")] == [Run(prompt)]


def test_command_below_a_quotation_is_read() -> None:
    quoted = f"{ON}\n> /codegen run no\n\n{COMMAND}"

    assert [said.command for said in read(quoted)] == [Run("fix the login")]


def test_command_below_a_signature_is_read() -> None:
    assert [type(said.command).__name__ for said in read(f"hello\n\n-- \n{COMMAND}")] == ["Run"]
