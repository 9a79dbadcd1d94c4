"""The published shapes of providers' tokens: a fixed prefix, or an unmistakable form.

Lengths are slightly less than the published ones, if those vary. A shape contains no nested repeats, and an unlimited
repeat is last, or ends where its characters do: so each takes linear time.
"""

from __future__ import annotations

_END = r"(?![A-Za-z0-9])"

TOKEN_SHAPES = (
    # Models and agents
    r"sk-(?:(?:ant|proj|or|svcacct|admin|lf)-|(?=[\w-]{0,60}\d))[\w-]{12,}",  # Codegen, OpenAI, Anthropic, OpenRouter
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
"""Each as a regular expression."""

GLUED_TOKEN_SHAPES = (r"(?:gh[opsur]|github_pat)_[A-Za-z0-9_]{16,}",)
"""GitHub's own, also without a word boundary before them."""
