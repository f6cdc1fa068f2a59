"""The words that the rules for names go by, written for this purpose."""

LOWERED_ODDLY = str.maketrans({"İ": "i"})
"""Letters that become two when they are lowered, which would move every offset behind them."""

_WHAT_EVERY_SYSTEM_HAS = """
    arp at attrib autoruns bitsadmin calc certutil cmd curl desktop dsquery esentutl explorer expand ftp
    ipconfig msbuild mshta nbtscan nbtstat net netcat netscan netsh nltest nslookup outlook pcalua ping
    powershell reg regsvr32 route rundll32 sc schtasks ssh systeminfo tar tasklist wevtutil wget whoami whois
    winrar wmic xcopy cipher.exe forfiles wscript cscript
"""
_PRODUCTS = """
    acronis adobe akamai alibaba aliexpress allwinner amazon amlogic android anydesk apache apple atera autoit avast aws
    azure baidu bitcoin bitdefender bitlocker ccleaner chrome chromium cisco citrix cloudflare cryptonight cylance
    discord docker dropbox drupal electrum ethereum facebook firefox fortinet gif89a github gitlab gmail google
    ibm icloud instagram intel iphone java javascript joomla kali kaspersky keitaro libreoffice linkedin linux
    litecoin logmein magento mcafee mediatek metamask microsoft mongodb monero mozilla mysql netflix nodejs node.js
    norton nvidia office openssl oracle paypal php playstation pokemongo putty python qualcomm realvnc rijndael rockchip
    salesforce samsung sap skype slack solarwinds sophos splashtop spotify steam symantec teamviewer telegram
    tightvnc tiktok tor trendmicro twitter ubuntu ultravnc viber virtualbox vmware vnc whatsapp wikipedia
    wordpress yahoo youtube zlib zoom screenconnect rustdesk ultraviewer supremo connectwise stopransomware
    bluesky ammyy winscp filezilla rclone megasync ngrok cloudflared nodejs webex
"""
_PLAIN = """
    adware antivirus attacker autorun avastvirusinfo backdoor banker bitminer blocker bootkit botnet brotherhood
    catch coder coinminer coronavirus covid crypt crypted crypter cryptojacker cryptominer cryptor cyber damage
    dangerous decrypt decrypter decryptor demo denial downloader dropper dummy encoder encrypt encrypted
    encryptor evolution exploit fake final fireball first hacked hacker hacking hijacker hitler hunter impact
    infector infostealer injector inter keylogger killav killswitch last loader locked locker logger malware
    miner monitor new obfuscator offline one outsider packer page password payday payload phisher phishing pos
    protected ramp ransom ransomware ransomwared rapid rat rootkit router scanner screenlocker second shell
    shellcode silent skimmer solar spambot sport spyware stealer stop stupid survey template test third toolkit
    trojan two unknown unsafe updatehost user virus watchdog webshell wiki wiper worm
"""
_NATIONS = """
    africa african america american arab argentina armenia asia asian australia australian austria azerbaijan
    bangladesh belarus belgium brazil brazilian britain british bulgaria burkina canada canadian chile china
    chinese colombia croatia cuban czech denmark dutch egypt egyptian england english estonia europe european
    finland france french georgia german germany greece greek hungary india indian indonesia iran iranian iraq
    ireland israel israeli italian italy japan japanese jordan kazakhstan kenya korea korean latvia lebanon
    libya lithuania malaysia mexican mexico moldova morocco netherlands nigeria norway pakistan pakistani
    palestinian peru philippines poland polish polski portugal portuguese qatar romania russia russian saigon
    saudi serbia singapore slovakia spain spanish swedish sweden swiss switzerland syria syrian taiwan taiwanese
    thai thailand tibetan tunisia turkey turkish ukraine ukrainian vietnam vietnamese yemen beijing moscow
    nevada january february march april may june july august september october november december monday tuesday
    wednesday thursday friday saturday sunday christmas thanksgiving
"""
_SEVERAL_WORDS = (
    "all your documents",
    "chrome remote desktop",
    "click me",
    "code virus",
    "cyber alliance",
    "cyber drill exercise",
    "donald trump",
    "donald trump 2",
    "file spider",
    "good day",
    "group 3",
    "group 5",
    "group 6",
    "group 8",
    "hide and seek",
    "high load",
    "http web",
    "log collector",
    "love bug",
    "merry christmas",
    "monero miner",
    "ms exchange tool",
    "my-little",
    "net devil",
    "night sky",
    "private internet access",
    "quick assist",
    "rdp wrapper",
    "red alert",
    "remote utilities",
    "remote control system",
    "rising sun",
    "social network",
    "stop ransomware",
    "such security",
    "the big bang",
    "the brotherhood",
    "the gentlemen",
    "the magic",
    "the mask",
    "token control",
    "unknown lock",
    "virus rat",
    "want money",
    "white giant",
    "windows 10",
    "windows remote desktop",
    "windows10",
    "zero tolerance",
)
_SINGLE = f"{_WHAT_EVERY_SYSTEM_HAS} {_PRODUCTS} {_PLAIN} {_NATIONS}".split()
STOP = frozenset(_SINGLE) | {f"{each}.exe" for each in _WHAT_EVERY_SYSTEM_HAS.split()} | frozenset(_SEVERAL_WORDS)
"""Names that in a report mean something else: products, vendors, nations, what every system has, plain words."""

SMALL = frozenset({"of", "the", "and", "for", "de", "in", "do", "el", "la"})
"""Words inside a name that need no capital."""

NUMBERED = frozenset({"apt", "ctg", "dev", "fin", "itg", "ta", "tag", "temp", "uac", "unc"})
"""What names of actors begin with that a number tells apart, written with a blank, a hyphen or neither."""

ACTOR = "actor"
MALWARE = "malware"
EITHER = "either"

_ACTOR_FOLLOWING = """
    group gang actor actors apt hackers hacker crew cartel collective team operators affiliates syndicate
    hacktivists threat-actor
"""
_MALWARE_FOLLOWING = """
    ransomware malware trojan trojans rat backdoor backdoors stealer infostealer loader downloader botnet bot
    worm wiper spyware rootkit bootkit implant keylogger webshell cryptominer ek exploit
"""
_ACTOR_PRECEDING = "group gang actor crew collective apt adversary"
_MALWARE_PRECEDING = """
    ransomware malware trojan rat backdoor stealer infostealer loader downloader botnet worm wiper spyware
    rootkit implant keylogger
"""
FOLLOWING = dict.fromkeys(_ACTOR_FOLLOWING.split(), ACTOR) | dict.fromkeys(_MALWARE_FOLLOWING.split(), MALWARE)
"""What a name's next word says that it is a name of."""
PRECEDING = (
    dict.fromkeys(_ACTOR_PRECEDING.split(), ACTOR)
    | dict.fromkeys(_MALWARE_PRECEDING.split(), MALWARE)
    | dict.fromkeys(("attributed to", "actor dubbed", "group dubbed", "group called", "group named"), ACTOR)
    | dict.fromkeys(
        ("malware dubbed", "ransomware dubbed", "malware called", "backdoor called", "operators of"), MALWARE
    )
    | dict.fromkeys(("known as", "tracked as", "aka", "a.k.a", "dubbed"), EITHER)
)
"""What the last word before a name, or the last two, say."""


def lowered(text: str) -> str:
    """Return `text` in lower case, letter for letter."""
    small = text.lower()
    return small if len(small) == len(text) else text.translate(LOWERED_ODDLY).lower()
