"""Finds secrets by their shape: providers' tokens, private keys, credentials in an address or a command line.

Tokens are searched for only within long words, so that ordinary prose costs next to nothing. The patterns are our own:
detect-secrets 1.5 reads one line at a time (a private key has many) and takes ordinary words for secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from bot.text.redaction.spans import Span

_END = r"(?![A-Za-z0-9])"

TOKEN_SHAPES = (
    # Models and agents
    r"sk-(?:(?:ant|proj|or|svcacct|admin|lf)-|(?=[\w-]{0,60}\d))[\w-]{12,}",  # Codegen, OpenAI, Anthropic, OpenRouter
    r"cgb_[\w-]{40,}",  # agents of your own
    r"(?:hf|api_org)_[A-Za-z0-9]{20,}",  # Hugging Face
    r"gsk_[A-Za-z0-9]{20,}",  # Groq
    r"r8_[A-Za-z0-9]{20,}",  # Replicate
    r"(?:pplx|xai|nvapi|csk)-[\w-]{20,}",  # Perplexity, xAI, NVIDIA, Cerebras
    r"(?:lsv2_(?:pt|sk)|tgp_v1|pcsk)_[\w-]{20,}",  # LangSmith, Together, Pinecone
    r"fw_[A-Za-z0-9]{20,}",  # Fireworks
    r"(?:e2b|dtn)_[a-f0-9]{30,}",  # E2B, Daytona
    # Clouds
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}" + _END,  # AWS
    r"(?:IQoJb3JpZ2luX2Vj|FwoGZXIvYXdz|FQoGZXIvYXdz)[\w+/=-]{40,}",  # AWS, a session's
    r"ABSK[A-Za-z0-9+/=]{60,}|bedrock-api-key-[\w+/=-]{40,}",  # AWS Bedrock
    r"amzn\.mws\.[0-9a-f-]{36}",  # Amazon MWS
    r"AIza[\w-]{30,}",  # Google
    r"ya29\.[\w.-]{20,}",  # Google OAuth
    r"GOCSPX-[\w-]{20,}",  # Google, a client's
    r"1//0[\w-]{30,}",  # Google, to refresh one
    r"[\w.~-]{3}[78]Q~[\w.~-]{31,37}",  # Azure AD
    r"LTAI[A-Za-z0-9]{12,24}" + _END,  # Alibaba
    r"AKID[A-Za-z0-9]{32}" + _END,  # Tencent
    r"AQVN[\w-]{35,38}|t1\.[\w=-]{10,}\.[\w=-]{80,}",  # Yandex
    r"do[opr]_v1_[a-f0-9]{40,}",  # DigitalOcean
    r"(?:cfk|cfut|cfat)_[A-Za-z0-9]{36,}|v1\.0-[a-f0-9]{24}-[a-f0-9]{100,}",  # Cloudflare
    r"HRKU-[\w-]{30,}",  # Heroku
    r"(?:fo1|fm1[ar]|fm2)_[\w+/=-]{40,}",  # Fly.io
    r"rnd_[A-Za-z0-9]{20,}",  # Render
    r"nfp_[A-Za-z0-9]{30,}",  # Netlify
    r"tk-us-[\w-]{40,}",  # Scalingo
    # Databases
    r"napi_[a-z0-9]{40,}",  # Neon
    r"sbp_[a-f0-9]{40}|sb_secret_[\w-]{20,}",  # Supabase
    r"pscale_(?:tkn|oauth|pw)_[\w=.-]{20,}",  # PlanetScale
    r"mdb_sa_sk_[\w-]{20,}",  # MongoDB Atlas
    r"dapi[a-f0-9]{32}",  # Databricks
    # Clusters, networks, secrets
    r"SWMTKN-1-[a-z0-9-]{50,}",  # Docker Swarm
    r"sha256~[\w-]{40,}",  # OpenShift
    r"tskey-[a-z]{3,12}-[\w-]{10,}",  # Tailscale
    r"hv[sbr]\.[\w-]{24,}|s\.(?=[A-Za-z]{0,22}\d)[A-Za-z0-9]{24}(?![\w.])",  # Vault
    r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{50,}",  # Terraform
    r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{30,}",  # Doppler
    r"ops_eyJ[\w+/=-]{40,}|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{5,6}-){3,5}[A-Z0-9]{5}",  # 1Password
    r"AGE-SECRET-KEY-1[0-9A-Z]{50,}",  # age
    r"pul-[a-f0-9]{40}",  # Pulumi
    r"pnu_[A-Za-z0-9]{30,}",  # Prefect
    # Code, packages, builds
    r"gl(?:pat|ptt|dt|rt|rtr|cbt|agent|soat|ffct|imt|ft|oas)-[\w.-]{16,}|GR1348941[\w-]{16,}",  # GitLab
    r"ATBB[A-Za-z0-9]{24,}",  # Bitbucket
    r"npm_[A-Za-z0-9]{30,}",  # npm
    r"pypi-[\w-]{30,}",  # PyPI
    r"rubygems_[a-f0-9]{40,}",  # RubyGems
    r"cio[A-Za-z0-9]{32}" + _END,  # crates.io
    r"oy2[a-z0-9]{43}" + _END,  # NuGet
    r"CLOJARS_[a-z0-9]{40,}",  # Clojars
    r"packagist_[a-z]{3}_[a-f0-9]{40,}",  # Packagist
    r"dckr_(?:pat|oat)_[\w-]{20,}",  # Docker Hub
    r"AKCp[A-Za-z0-9]{60,}|cmVmd[A-Za-z0-9]{55,}",  # Artifactory
    r"CCI(?:PAT|PRJ)_[\w-]{30,}",  # CircleCI
    r"bk[ua]a_[a-f0-9]{30,}",  # Buildkite
    r"API-[A-Z0-9]{26,}" + _END,  # Octopus Deploy
    r"(?:pat|sat)\.[\w-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}",  # Harness
    r"sq[pua]_[a-f0-9]{40}",  # SonarQube
    r"sgp_\w{40,}",  # Sourcegraph
    r"snyk_[\w-]{30,}",  # Snyk
    r"ico-[A-Za-z0-9]{30,}",  # Infracost
    r"(?:sdk|api|rel)-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![0-9a-f])",  # LaunchDarkly
    r"PMAK-[a-f0-9]{24}-[a-f0-9]{30,}",  # Postman
    r"rdme_[a-z0-9]{60,}",  # ReadMe
    r"figd_[\w-]{30,}",  # Figma
    # Monitoring
    r"sntry[su]_[\w+/=-]{40,}",  # Sentry
    r"dt0[a-z]\d{2}\.[A-Z0-9]{20,}\.[A-Z0-9]{50,}",  # Dynatrace
    r"glsa_\w{32,}|glc_[\w+/=-]{32,}",  # Grafana
    r"NR(?:AK|II|RA|IQ)-[\w-]{20,}",  # New Relic
    r"ph[xs]_[A-Za-z0-9]{30,}",  # PostHog
    # Work and messages
    r"AT(?:ATT|CTT)3[\w=-]{40,}",  # Atlassian
    r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}",  # Linear
    r"ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}" + _END,  # Notion
    r"pat[A-Za-z0-9]{14}\.[a-f0-9]{60,}",  # Airtable
    r"[12]/\d{12,20}(?:/\d{12,20})?:[a-f0-9]{32}",  # Asana
    r"xox[abeoprs](?:\.xox[bp])?-[\w-]{10,}|xapp-[\w-]{10,}",  # Slack
    r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}",  # Discord
    r"\d{8,10}:AA[\w-]{32,}",  # Telegram
    r"SG\.[\w-]{16,}\.[\w-]{16,}",  # SendGrid
    r"key-[a-f0-9]{32}" + _END,  # Mailgun
    r"[a-f0-9]{32}-us\d{1,2}(?!\d)",  # Mailchimp
    r"x(?:key|smtp)sib-[a-f0-9]{60,}-[A-Za-z0-9]{12,}",  # Brevo
    r"re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}",  # Resend
    r"SK[a-f0-9]{32}" + _END,  # Twilio
    r"tfp_[\w.=-]{40,}",  # Typeform
    r"CFPAT-[\w-]{40,}",  # Contentful
    r"fio-u-[\w=-]{50,}",  # Frame.io
    r"EAA[A-Z][A-Za-z0-9]{80,}",  # Facebook
    r"sk\.eyJ[\w-]{40,}\.[\w-]{20,}",  # Mapbox
    r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk",  # MaxMind
    # Money and shops
    r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{16,}|whsec_[\w+/=-]{20,}",  # Stripe, Svix
    r"sk_[a-f0-9]{40,}",  # ElevenLabs
    r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",  # Shopify
    r"shippo_(?:live|test)_[a-fA-F0-9]{40}",  # Shippo
    r"sq0(?:atp|csp|idp)-[\w-]{22,}|EAAA[\w-]{50,}",  # Square
    r"rzp_(?:live|test)_[A-Za-z0-9]{14,}",  # Razorpay
    r"access_token\$(?:production|sandbox)\$[a-z0-9]{13,}\$[a-f0-9]{32}",  # PayPal
    r"access-(?:sandbox|development|production)-[0-9a-f-]{36}",  # Plaid
    r"FLWSECK(?:_TEST)?-[\w-]{12,}",  # Flutterwave
    r"duffel_(?:live|test)_[\w=-]{40,}",  # Duffel
    r"EZ[AT]K[A-Za-z0-9]{50,}",  # EasyPost
    r"(?:live|test)_[a-f0-9]{35}(?![a-f0-9])",  # Lob
    # For any service
    r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*){0,3}",  # a JSON Web Token
    r"LS0tLS1CRUdJTiB(?:QUklW|SU0Eg|FQyBQ|PUEVO|FTkNS|EU0Eg|QR1Ag)[\w+/=-]{20,}",  # a private key in base64
)
"""Published shapes of providers' tokens: a fixed prefix, or an unmistakable form.

Lengths are slightly less than the published ones, if those vary. A shape contains no nested repeats, and an unlimited
repeat is last, or ends where its characters do: so each takes linear time.
"""

GLUED_TOKEN_SHAPES = (r"(?:gh[opsur]|github_pat)_[A-Za-z0-9_]{16,}",)
"""GitHub's own, also without a word boundary before them."""

_LONG_WORD = re.compile(r"(?<![\w./+=~$:@%|-])[\w./+=~$:@%|-]{16,}")


@cache
def _token() -> re.Pattern[str]:
    """Compiled when it is first needed, which takes 15 ms."""
    begins = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"
    return re.compile(f"{'|'.join(GLUED_TOKEN_SHAPES)}|{begins}(?:{'|'.join(TOKEN_SHAPES)})")


def find_tokens(text: str) -> Iterator[Span]:
    """Providers' tokens."""
    for word in _LONG_WORD.finditer(text):
        for token in _token().finditer(text, *word.span()):
            yield token.span()


KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----")
_KEY_MARGIN = re.compile(r"[ \t>|+*\d.:-]{0,16}")
_KEY_LINE = re.compile(r"[ \t>|+*\d.:-]{0,16}[A-Za-z0-9+/=]{32,}(?:\\[nr])?[ \t\r]*")
_LAST_KEY_LINE = re.compile(r"[ \t>|+*\d.:-]{0,16}[A-Za-z0-9+/=]{1,80}(?:\\[nr])?[ \t\r]*")
_PUTTY = re.compile(r"(?<=Private-Lines: )\d{1,3}\s+[A-Za-z0-9+/=\s]{20,}")


def find_private_keys(text: str) -> Iterator[Span]:
    """Private keys: from their first line to their last or to the text's end, and backwards from a last line alone."""
    if "PRIVATE KEY" in text:
        yield from _whole_keys(text)
    if "Private-Lines: " in text:
        for lines in _PUTTY.finditer(text):
            yield lines.span()


def _whole_keys(text: str) -> Iterator[Span]:
    position = 0
    while (end := KEY_ENDS.search(text, position)) is not None:
        begin = KEY_BEGINS.search(text, position, end.start())
        yield (begin.start() if begin else _first_key_line(text, position, end.start())), end.end()
        position = end.end()
    if (begin := KEY_BEGINS.search(text, position)) is not None:
        yield begin.start(), len(text)


def _first_key_line(text: str, first: int, end: int) -> int:
    """The start of the lines before `end` that look like a key's; in one line too, as JSON escapes them."""
    line = max(first, text.rfind("\n", first, end) + 1)
    start = end if _KEY_MARGIN.fullmatch(text, line, end) is None else line
    while start > first and (text[start - 1].isalnum() or text[start - 1] in "+/=\\"):
        start -= 1
    looks_like_one = _LAST_KEY_LINE
    while start > first:
        line = max(first, text.rfind("\n", first, start - 1) + 1)
        if not looks_like_one.fullmatch(text[line:start].rstrip("\n")):
            break
        start, looks_like_one = line, _KEY_LINE
    return start


_USER_AND_PASSWORD = re.compile(r"""[^\s/@:"'<>`?#]{0,100}:(?!\d{1,5}(?:[/?#"'\s]|$))[^\s"'<>`]{1,200}@(?=[\w\[$.-])""")
_USER_ALONE = re.compile(r"""(?=[^@/]{0,100}\d)[^\s/@:"'<>`?#]{16,200}@(?=[\w\[])""")
_HOOKS = re.compile(
    r"""
    (?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{5,25}/
    |[\w-]{1,60}\.webhook\.office\.com/webhookb2/|outlook\.office\.com/webhook/|chat\.googleapis\.com/v1/spaces/
    |maker\.ifttt\.com/trigger/\w{1,60}/with/key/|hooks\.zapier\.com/hooks/catch/|api\.telegram\.org/bot)
    """,
    re.VERBOSE,
)
_REST_OF_ADDRESS = re.compile(r"""[^\s"'<>`)\]]{8,}""")


def find_in_addresses(text: str) -> Iterator[Span]:
    """User and password, or a token in their place, of any address; and the secret path of a webhook's."""
    position = text.find("://")
    while position >= 0:
        after = position + 3
        userinfo = _USER_AND_PASSWORD.match(text, after) or _USER_ALONE.match(text, after)
        if userinfo is not None and text[position - 1 : position].isalnum():
            yield after, userinfo.end() - 1
            after = userinfo.end()
        if (hook := _HOOKS.match(text, after)) and (rest := _REST_OF_ADDRESS.match(text, hook.end())):
            yield rest.span()
            after = rest.end()
        position = text.find("://", after)


COMMAND_WINDOW = 300
"""Characters of a command line that are searched: ``curl -u user:password``, ``mysql -ppassword``."""

_OPTIONS = {
    "curl": r"""\s(?:-u|--user|--proxy-user|-U)[ =]?["']?[^\s:"']{1,100}:(?P<secret>[^\s"']{3,200})""",
    "mysql": r"""\s-p(?P<secret>[^\s"']{3,200})""",
    "mariadb": r"""\s-p(?P<secret>[^\s"']{3,200})""",
    "sshpass": r"""\s-p[ ]?["']?(?P<secret>[^\s"']{3,200})""",
    " login": r"""\s-p[ =]?["']?(?P<secret>[^\s"'-][^\s"']{2,200})""",
    "redis-cli": r"""\s-a[ ]["']?(?P<secret>[^\s"']{3,200})""",
    "ldap": r"""\s-w[ ]["']?(?P<secret>[^\s"']{3,200})""",
    "openssl": r"""\bpass:(?P<secret>[^\s"']{3,200})""",
}
_COMMAND = re.compile("|".join(map(re.escape, _OPTIONS)))
_PATTERNS = {command: re.compile(option) for command, option in _OPTIONS.items()}
_VARIABLE = re.compile(r"\$[\w{(].*")

_PGPASS = re.compile(r"^[\w.*-]{1,100}:(?:5432|6432|\*):[^:\s]{1,60}:[^:\s]{1,60}:(?P<secret>\S{3,200})$", re.MULTILINE)


def find_in_commands(text: str) -> Iterator[Span]:
    """Passwords among a command's options, and those of a ``.pgpass`` file."""
    for command in _COMMAND.finditer(text):
        end = text.find("\n", command.end(), command.end() + COMMAND_WINDOW)
        found = _PATTERNS[command[0]].search(text, command.end(), end if end >= 0 else command.end() + COMMAND_WINDOW)
        if found is not None and not _VARIABLE.fullmatch(found["secret"]):
            yield found.span("secret")
    if ":5432:" in text or ":6432:" in text or ":*:" in text:
        for line in _PGPASS.finditer(text):
            yield line.span("secret")
