"""What techniques of MITRE ATT&CK look like in prose: rules of our own, rather precise than many.

A rule is a pattern over one sentence in lower case, in RE2's syntax; `~` stands for up to three words, `~~` for up
to eight. The ids are looked up when a rule fires, so that one that ATT&CK replaces needs no change here.
"""

from socdefenders.enrich.rules import table

_FETCH = r"\b(?:collect|enumerat|gather|harvest|obtain|retriev|send|steal|query|querie|determin|exfiltrat|report)\w*"
_STEAL = r"\b(?:collect|dump|exfiltrat|extract|grab|harvest|log|obtain|recover|retriev|scrap|steal|stole)\w*"
_VICTIM = r"(?:victims?|users?|recipients?|targets?)"
_OPENS = r"(?:opens?|opened|opening|double-?clicks?|executes?|executed|runs?|launch(?:es)?|enables?|enabled|enabling)"
_LURE = r"(?:phish\w*|spear-?\s?phish\w*|malspam|spam|malicious)"
_SERVERS = (
    r"(?:servers?|internet[- ]facing|public[- ]facing|exchange|confluence|fortinet|fortios|fortigate|citrix|netscaler"
    r"|ivanti|weblogic|struts|log4j|vpn|appliances?|gateways?|firewalls?|routers?|sharepoint|moveit|drupal|wordpress"
    r"|joomla|magento|php|iis|zimbra|esxi|vcenter|connect secure|big-ip|pan-os|websites?|web applications?)"
)
_READERS = (
    r"(?:microsoft (?:office|word|excel)|equation editor|flash player|adobe flash|adobe reader|acrobat"
    r"|internet explorer|browsers?|cve-2017-(?:11882|0199|8570|8759)|cve-2018-(?:0802|8174|15982|4878)|cve-2012-0158"
    r"|cve-2021-40444)"
)

PHRASES = table(
    r"""
# Reconnaissance and resource development
T1595.002 scan\w* ~(?:the internet|for) ~vulnerable
T1583.001 (?:typo-?squat\w*|cyber-?squat\w*|look-?alike domains?|regist\w+ ~(?:fake|malicious|similar
        |lookalike) domains?)
T1583.008 malvertis\w*|malicious (?:google )?ad(?:s|vertisements?)\b
T1584 compromised (?:legitimate )?(?:web ?sites?|wordpress)
T1608.006 seo[- ]poisoning|poison\w* ~search (?:engine )?results

# Initial access
T1566.001 <lure> ~~attach(?:ment|ments|ed)\b
    |(?:e-?mails?|messages?) (?:with|containing|contained|carrying|carried) ~attach(?:ment|ments|ed)\b
T1566.002 (?:phish\w*|malspam|spam) ~~(?:links?|urls?)\b
    |(?:e-?mails?|messages?) ~(?:with|containing|contained|contain|include) ~malicious (?:links?|urls?)\b
T1566.003 (?:fake|malicious|phishing) ~(?:linkedin|facebook|whatsapp|telegram) (?:messages?|profiles?)
    |via linkedin
T1566.004 \bvishing\b|voice phishing|call-?back phishing
T1566 spear-?\s?phish\w*
    |phishing (?:e-?mails?|campaigns?|messages?|attacks?|lures?|kits?|pages?|sites?)
    |\bmalspam\b
T1189 drive-?by|watering[- ]holes?|exploit kits?\b|\w+ ek landing page
T1190 exploit\w* ~~(?:vulnerabilit\w*|flaws?|bugs?|cve-[-\d]+|zero-?days?) ~~<servers>\b
    |exploit\w* ~~<servers> ~(?:vulnerabilit\w*|flaws?|bugs?)
    |(?:public|internet)-facing (?:applications?|servers?|systems?|devices?)
    |\bsql injection\b
T1133 (?:exposed|compromis\w*|vulnerable|access to) ~(?:vpns?|citrix gateways?|remote desktop gateways?|rdp servers?
        |rdp endpoints?)\b
T1195.002 trojani[sz]ed ~(?:updates?|installers?|versions?)
    |(?:malicious|backdoored|compromised) (?:software )?updates?\b
T1195.001 (?:malicious|typosquat\w*|rogue|poisoned) ~(?:npm|pypi|python|ruby|nuget|open[- ]source) (?:packages?
        |libraries|modules)
T1195 supply[- ]chain (?:attacks?|compromises?|breach)
T1199 (?:compromis|breach|abus)\w* ~(?:managed service providers?|msps?|trusted relationships?)\b
T1091 (?:spread|infect|propagat|worm)\w* ~~(?:usb|removable (?:drives?|media|devices?))
    |(?:usb|removable) (?:drives?|media) ~(?:spread|infect|propagat)\w*
T1078 (?:stolen|compromised|valid|leaked|purchased|default) ~(?:credentials?|accounts?) ~~(?:access|log ?in|log into
        |authenticat\w*)
    |(?:us|leverag|abus)\w+ (?:stolen|compromised|valid|legitimate) ~(?:credentials|accounts?)\b

# Execution
T1204.001 <victim> ~~click\w* ~~(?:links?|urls?)\b
    |<victim> ~~click\w* ~\W?(?:continue|download|install|open|play|update|verify|view)\b\S* buttons?\b
    |(?:once|when|after|upon) ~click\w* ~(?:links?|urls?)\b
T1204.002 <victim> ~<opens> ~~(?:files?|documents?|attachments?|macros?|archives?|shortcuts?|executables?
        |installers?|spreadsheets?|content)\b
    |enabl\w+ (?:the )?macros?\b
    |once ~(?:document|attachment|file) is opened
T1059.001 powershell (?:scripts?|commands?|code|downloaders?|cmdlets?|payloads?|process\w*|one-liners?|loaders?
        |stagers?)
    |(?:call|execut|invok|launch|run|spawn|start|us|leverag)\w* ~powershell
    |powershell(?:\.exe)? -\w
T1059.003 \bcmd(?:\.exe)? /[ck]\b
    |windows command (?:shell|prompt)
    |(?:creat|drop|execut|launch|run|us)\w* ~(?:batch (?:scripts?|files?)|\.bat\b|cmd\.exe)
T1059.004 (?:download|drop|execut|fetch|launch|run)\w* ~(?:bash (?:scripts?|commands?)|shell scripts?)
    |/bin/(?:ba)?sh\b
T1059.005 \b(?:vba|vbs|vbscript|visual basic)\b ~(?:macros?|scripts?|code|files?|downloaders?|payloads?)
    |macro-(?:enabled|laden|laced|embedded)
    |(?:malicious|embedded|obfuscated|excel|word|office) ~macros?\b
    |\.vbs\b
T1059.006 (?:deploy|drop|execut|launch|run)\w* ~python\b
    |(?:malicious|obfuscated) python
    |python (?:payloads?|backdoors?|stealers?)
T1059.007 (?:malicious|obfuscated|injected|embedded|contain\w*|execut\w*|run\w*|download\w*|deliver\w*
        |drop\w*) ~(?:javascript|jscript)
    |(?:javascript|jscript) (?:downloaders?|payloads?|droppers?|loaders?|backdoors?|skimmers?)
T1059.010 \bauto(?:it|hotkey)\b ~(?:scripts?|payloads?|compiled|executables?|interpreters?|loaders?|binar\w+)
    |compiled ~autoit
T1059.002 \bapplescripts?\b|\bosascript\b
T1053.005 scheduled tasks?\b|\bschtasks\b|(?:windows )?task scheduler
T1053.003 \bcron ?(?:jobs?|tabs?)\b
T1047 \bwmic\b
    |windows management instrumentation
    |(?:via|using|through|us(?:es|ed)|abus\w+) wmi\b
    |wmi (?:quer\w+|commands?|calls?)
T1106 \bnative apis?\b
    |\b(?:createremotethread|writeprocessmemory|virtualalloc(?:ex)?|ntcreatethread(?:ex)?|ntmapviewofsection
        |rtlcreateuserthread|zwmapviewofsection)\b
T1559.002 \bdde (?:exploit|attack|field|code|protocol|method)\w*|dynamic data exchange
T1569.002 \bpsexec\b|service execution
T1203 exploit\w* ~~<readers>|<readers> (?:remote code execution )?(?:exploits?|vulnerabilit\w*)
T1610 (?:deploy|launch|spawn|creat)\w* ~(?:malicious|rogue|privileged) (?:docker )?containers?

# Persistence and privilege escalation
T1547.001 currentversion\\+run
    |\b(?:run|autorun|runonce|autostart) (?:registry )?(?:keys?|entr(?:y|ies))
    |registry run
    |start-?up (?:folder|directory)
    |startup registry
T1547.009 (?:modif|hijack|creat|drop)\w* ~(?:\.lnk|shortcut) ~startup
T1543.003 (?:install|register)(?:s|ed|ing)? ~as (?:a|an) (?:\w+ )?service
    |(?:creat|install|regist)\w+ (?:a |an |the |new |malicious |windows |system ){1,3}services?\b
T1543.002 systemd (?:services?|units?)
T1543.001 launch ?agents?\b
T1543.004 launch ?daemons?\b
T1546.003 wmi (?:event )?(?:subscriptions?|event filters?|event consumers?)
T1546.015 \bcom (?:object )?hijack\w*
T1136 creat\w* (?:a |an |new |local |admin\w* |user |domain |rogue |hidden ){1,4}accounts?\b
    |net user \S+ \S+ /add
T1098 add\w* ~to ~administrators? group
T1505.003 \bweb ?shells?\b
T1176.001 (?:malicious|rogue|fake) ~(?:browser|chrome|firefox) extensions?
    |(?:browser|chrome) extensions? ~(?:steal|inject|hijack)\w*
T1542.003 \bbootkits?\b
T1014 \brootkits?\b
T1574.001 \bdll (?:side-?\s?load\w*|search[- ]order hijack\w*|hijack\w*)
    |side-?\s?load\w* ~~(?:dlls?|librar\w+)
    |\bdlls? ~~side-?\s?load\w*
T1574.006 ld_preload|ld\.so\.preload
T1548.002 \b(?:uac|user account control) bypass\w*
    |bypass\w* ~(?:\buac\b|user account control)
    |\bfodhelper\b
    |\beventvwr\b
T1134 access token manipulation|token impersonation|\bduplicatetoken(?:ex)?\b|sedebugprivilege
T1068 exploit\w* ~~(?:escalat|elevat)\w* ~privileges?
    |(?:privilege[- ]escalation|elevation[- ]of[- ]privileges?|local privilege) (?:\w+ )?exploits?\b
T1055.012 process[- ]hollowing
    |hollow(?:s|ed|ing) ~process
    |\brunpe\b
    |process ~in suspended (?:mode|state)
    |(?:creat|start|launch|spawn)\w* ~suspended (?:mode|state|process)
T1055.001 \bdll injection\b|inject\w* (?:a |the |its |malicious ){0,2}dll
T1055.004 \bapc injection|asynchronous procedure call|queueuserapc
T1055.013 process doppelg
T1055 process[- ]injection
    |inject\w* ~~(?:into|in) ~~(?:process(?:es)?\b|explorer\.exe|svchost|memory)
    |inject\w* (?:itself|shellcode) into

# Stealth
T1620 reflective(?:ly)? (?:\w+ )?load\w*|reflective dll
T1218.011 \brundll32\b
T1218.010 \bregsvr32\b
T1218.005 \bmshta\b
T1218.007 \bmsiexec\b
T1218.004 \binstallutil\b
T1218.003 \bcmstp\b
T1218.001 \bchm files?\b|compiled html
T1127.001 \bmsbuild (?:project|inline)
T1220 \bxsl (?:files?|scripts?)\b
T1221 (?:remote )?template injection|remote templates?\b
T1197 \bbitsadmin\b|\bbits jobs?\b|background intelligent transfer
T1140 certutil ~-?decode
    |\b(?:decod(?:e|es|ing)|decrypt(?:s|ing)?|deobfuscates|unpack(?:s|ing)?) ~(?:payloads?|strings?
        |shellcode|config\w*|dlls?|stage|binar\w+|executables?|resources?|code|scripts?)\b
T1027.002 \b(?:upx|themida|vmprotect|confuserex|enigma protector)\b
    |(?:binar\w+|samples?|payloads?|executables?|malware|loaders?|files?|dlls?|it) ~packed\b
    |(?:custom|commercial|runtime) packers?
T1027.003 steganograph\w*
T1027.006 html[- ]smuggl\w*
T1027.010 obfuscated ~(?:powershell|commands?|command lines?)\b
T1027.013 (?:base64|xor|rc4|aes)[- ]?(?:encod|encrypt|ed)\w* ~(?:payloads?|files?|shellcode|blobs?|dlls?|binar\w+
        |resources?|strings?)
    |(?:payloads?|shellcode|strings?|dlls?|binar\w+|config\w*) ~(?:encod|encrypt|xor)\w* ~(?:base64|xor\w*|rc4
        |aes)\b
T1027 \bobfuscat\w+ ~(?:code|scripts?|strings?|macros?|javascript|payloads?|vba|files?|loaders?|binar\w+|dlls?
        |functions?|versions?)\b
    |(?:code|scripts?|strings?|macros?|javascript|payloads?|malware|binar\w+|loaders?
        |samples?) ~(?:heavily |highly )?obfuscated
    |(?:heavily|highly) obfuscated
    |code obfuscation
    |string obfuscation
T1036.002 right-to-left override|\brtlo?\b character
T1036.007 double (?:file )?extensions?\b
T1036 (?:masquerad|disguis|pretend|pos(?:e|es|ed|ing)\b)\w* ~(?:as|itself|to be) ~~(?:legitimate|genuine|updates?
        |updaters?|adobe|flash|java|microsoft|windows|system|svchost|chrome|installers?|apps?|applications?|software
        |documents?|pdf|vpn|plugin)\b
T1553.002 \b(?:digitally|code)[- ]sign(?:ed|ing)
    |(?:stolen|valid|fraudulent|revoked) ~(?:code[- ])?signing certificates?
    |signed ~(?:stolen|valid|fraudulent|revoked|legitimate) ~certificates?
T1553.005 mark[- ]of[- ]the[- ]web|\bmotw\b
T1497 \banti-?\s?(?:vm|sandbox|virtual\w*|analysis|emulation)\b
    |sandbox[- ]evasion
    |\b(?:detect|check|evad|avoid|bypass)\w* ~(?:virtual machines?|virtuali[sz]ed|virtual environments?|vmware
        |virtualbox)
    |\b(?:detect|check|evad|avoid)\w* ~sandbox(?:es|ing|ed)?\b
    |\bbypass\w* (?:a |any |all |the |automated |malware |security ){0,3}sandbox(?:es|ing)?\b
T1678 (?:sleep|delay)\w* ~(?:execution|analysis)|time-?based evasion
T1622 \banti-?\s?debug\w*|isdebuggerpresent|(?:detect|check|evad)\w* ~debugg(?:er|ers|ing)\b
T1480 \bgeo-?\s?fenc\w*|execution guardrails?
T1480.002 \bmutex(?:es)?\b
T1564.001 hidden (?:file )?attributes?|attrib(?:\.exe)? \+\w
T1564.003 hidden window|windowstyle hidden|-w hidden
T1070.004 (?:delet|remov|eras)\w* itself
    |self-?\s?(?:delet|destruct)\w*
    |(?:delet|remov|eras)\w* (?:its |the |their |all ){0,2}(?:traces|tracks|original (?:file|executable|copy)
        |dropped files?)
T1070.006 \btime-?stomp\w*
T1685.005 (?:clear|delet|wip|eras)\w* ~(?:event|security|windows|system) logs?\b
    |wevtutil(?:\.exe)? cl
T1685 (?:disabl|kill|terminat|stop|uninstall|tamper|turn)\w* ~~(?:antivirus|anti-?virus|windows defender
        |microsoft defender|security (?:software|products?|tools?|solutions?)|\bedr\b|endpoint (?:protection
        |detection)|av (?:software|products?))
T1686 (?:disabl|modif|chang|add)\w* ~firewall(?: rules?| exceptions?)?\b|netsh ~firewall
T1112 (?:modif|chang|alter|edit)\w* ~registry
    |(?:add|set|creat|writ|stor)\w* ~~registry (?:keys?|entr(?:y|ies)|values?)

# Credential access
T1003.001 \blsass(?:\.exe)? ~(?:memory|dump\w*|credentials)
    |(?:dump|read|access|inject|cop)\w* ~~\blsass\b
T1003.002 \bsam (?:hive|database|registry)
T1003.003 \bntds(?:\.dit)?\b
T1003.006 \bdcsync\b
T1003 credential[- ]dump(?:er|ers|ing)\b|\bmimikatz\b|dump\w* ~(?:credentials?|passwords?|password hashes)
T1555.003 <steal> ~~(?:browsers|chrome|firefox|chromium)\b ~(?:credentials?|passwords?|data|logins?|information
        |history)
    |<steal> ~~browser (?:credentials?|passwords?|logins?|history|cookies?)
    |<steal> ~~(?:credentials?|passwords?|logins?|data) ~~(?:browsers?|chrome|firefox|chromium)\b
    |browser (?:credentials|passwords)
T1555.005 <steal> ~~password managers?
T1555 <steal> ~~(?:credentials?|passwords?) ~~(?:outlook|thunderbird|filezilla|winscp|(?:e-?mail|ftp|mail) clients?
        |keychain)
    |<steal> ~~(?:e-?mail|ftp|mail) clients?
T1539 (?:steal|stole|exfiltrat|harvest|extract|collect|grab|hijack)\w* ~~cookies?\b
    |session hijack\w*
    |cookie theft
T1056.001 \bkey-?\s?logg(?:er|ers|ing|ed)\b
    |(?:log|captur|record)\w* ~key-?\s?strokes?
    |keystroke (?:log|captur|record)\w*
T1056.003 (?:credential|login|phishing) ~(?:harvest|captur)\w* ~(?:page|portal)s?
    |credential[- ](?:harvest|phish)\w* (?:pages?|sites?)
    |fake login (?:page|portal)s?
T1185 man-in-the-browser|\bweb-?\s?injects?\b|browser session hijack\w*
T1557 adversary-in-the-middle|\baitm\b|man-in-the-middle|\bmitm\b
T1110.003 password[- ]spray\w*
T1110.004 credential[- ]stuff\w*
T1110 brute-?\s?forc\w*
T1621 \bmfa (?:fatigue|bombing|push|spam)\w*|push bombing
T1111 (?:bypass|intercept|steal|captur)\w* ~(?:mfa|2fa|two-factor|multi-?factor|one-time (?:passwords?|codes?)
        |otps?)\b
T1528 (?:steal|stole|abus|illicit|malicious)\w* ~oauth
    |oauth (?:token theft|consent phishing)
    |consent phishing
T1558.003 \bkerberoast\w*
T1558.001 \bgolden tickets?\b
T1550.002 pass[- ]the[- ]hash

# Discovery
T1082 <fetch> ~~(?:system information|os version|operating system (?:version|information)|windows version
        |computer name|host ?name|machine name|hardware (?:information|details)|system details|system info)\b
    |\bsysteminfo\b
T1033 <fetch> ~~user ?name(?:[^\w ]| [b-z]| a[a-mo-z]|$)
    |<fetch> ~~(?:logged-?[- ](?:in|on) users?|current user)\b|\bwhoami\b
T1016 <fetch> ~~(?:external ip|public ip|ip address|mac address(?:es)?|network (?:configuration|information
        |settings|adapters?))\b
    |\bipconfig\b
T1057 (?:list|enumerat|collect|scan|iterat|check)\w* ~running process(?:es)?
    |list of ~process(?:es)?\b
    |\btasklist\b
    |process (?:list|enumeration)\b
T1083 \b(?:(?:enumerat|list|search|scan|travers)(?:e|s|es|ed|ing)?
        |look(?:s|ed|ing)? for)\b ~(?:files|directories|folders|drives)\b ~(?:with
        |for|on|in|and|extension)
    |(?:file|directory) (?:listing|enumeration)
T1518.001 \b(?:check|enumerat|look|search|collect|gather|list|scan)(?:s|es|ed|ing)?\b ~~(?:antivirus|anti-?virus
        |security (?:software|products?|solutions?)|installed av)\b
T1012 \b(?:quer(?:y|ies|ying)|reads?|reading|check\w*) ~registry\b
T1087 (?:enumerat|discover|list)\w* ~(?:user|domain|local|admin\w*) accounts?\b|net user /domain
T1482 \bnltest\b|domain trusts?\b
T1018 \badfind\b
    |\bbloodhound\b
    |\bnet view\b
    |(?:discover|enumerat|scan)\w* ~(?:hosts|machines|computers|systems) (?:on|in|within) ~network
T1046 (?:port|network)[- ]scan\w*
    |scan\w* ~(?:open ports?|internal network|local network)
    |\b(?:nmap|masscan)\b
T1135 (?:enumerat|scan|discover|list|encrypt)\w* ~(?:network|smb|shared) (?:shares?|drives?|folders?)
T1049 \b(?:call|execut|invok|issu|launch|ran|run|us|via)\w* ~~netstat\b|\bnetstat(?:\.exe)? -\w
T1614.001 (?:check|determin|verif|quer|detect|identif)\w* ~~(?:keyboard (?:layouts?|language)|system language
        |language (?:settings?|id)|locale)\b
T1614 \b(?:check|determine|verif|quer|identif
        |geo-?locat)\w* ~(?:country|geo-?location|(?:victim|device|machine|user|target)\S* location)\b

# Lateral movement
T1021.001 (?:via|using|over|through|abus\w*|exposed|compromis\w*|lateral\w* ~) ~(?:\brdp\b|remote desktop protocol)
    |\brdp (?:sessions?|connections?|credentials|access|brute)
    |rdp-based
T1021.002 admin\$|\b(?:smb|administrative|admin) shares?\b|(?:via|over|through) smb\b
T1021.004 (?:via|over|through) ssh\b|ssh (?:brute|credentials|keys)
T1021.006 \bwinrm\b|windows remote management
T1570 (?:copi|cop|transfer|push)\w* ~~(?:other|remote) (?:hosts?|machines?|computers?|systems?) ~network
T1210 eternalblue|exploit\w* ~~(?:smb|zerologon|print ?nightmare)

# Collection
T1113 \b(?:tak(?:e|es|ing)|captur(?:e|es|ing)|grab(?:s|bing)?) ~(?:screenshots?|screen shots?)\b
    |screen[- ]?(?:capturing|captures|grabb\w+|recording)\b
T1123 record\w* ~(?:audio|microphone|calls?|conversations?)\b|audio (?:recording|capture)
T1125 (?:record|captur|activat|access)\w* ~web-?cam\w*|webcam (?:capture|record\w*|access)
T1115 clip-?board (?:data|content|monitor|log|hijack|captur|steal)\w*
    |(?:monitor|steal|captur|log|replac|read)\w* ~clip-?board
T1114.003 (?:forwarding|inbox) rules?\b
T1114 <steal> ~(?:e-?mails|mailboxes|inbox(?:es)?)\b
T1005 \b(?:collect|exfiltrat|grab|harvest|stole|steal)\w* ~(?:documents|sensitive files|files from)\b
    |local data ~exfiltrat\w*
T1560 (?:\bcompress|\barchiv|\bzip)\w* ~~(?:exfiltrat|stolen|collected|before)\w*
    |(?:stolen|collected|gathered) ~(?:data|files|information) ~(?:compressed|archived|zipped|packed)\b

# Command and control
T1071.001 (?:communicat|beacon|c2|c&c|command[- ]and[- ]control|check-?in|calls (?:back|home|out))\w* ~~\bhttps?\b
    |\bhttps? (?:post|get) requests?\b
    |\b(?:post|get) requests? ~~(?:c2|c&c|cnc|command|(?:attacker\S*|remote|malicious) server)\b
    |(?:c2|c&c) ~(?:over|via|using|uses) https?\b
T1071.003 (?:exfiltrat|sen[dt]|communicat)\w* ~~\b(?:smtp|imap|pop3)\b
T1071.004 \bdns (?:txt|queries|requests|records?) ~~(?:c2|c&c|command|payload)
    |(?:c2|c&c|communicat\w*) ~~(?:over|via) dns\b
T1572 \b(?:dns|ssh|http|protocol|icmp)[- ]tunnel\w*|tunnel\w* ~traffic
T1102 (?:telegram|discord|pastebin|github|google (?:drive|docs)|onedrive|dropbox|slack|twitter|youtube
        |blogspot) ~~(?:c2|c&c|command[- ]and[- ]control)
    |(?:c2|c&c|command[- ]and[- ]control) ~~(?:telegram|discord|pastebin|github|google (?:drive|docs)|onedrive
        |dropbox|slack|twitter|youtube)
    |dead[- ]drop
T1573.001 (?:traffic|communications?|requests?|responses?|network data|beacons?) ~encrypt\w* ~(?:rc4|aes\S*|xor
        |chacha\d*|blowfish|des)\b
    |encrypt\w* ~(?:traffic|communications?|requests?|beacons?) ~(?:rc4|aes\S*|xor|chacha\d*)\b
T1132.001 (?:traffic|requests?|responses?|communications?|exfiltrated data|beacons?|\bsent) ~~base64
T1095 \braw (?:tcp|sockets?)\b
    |custom (?:tcp|binary) protocol
    |(?:c2|communicat\w*) ~(?:over|via|using) (?:icmp|tcp|udp)\b
T1571 non-?standard ports?\b
T1105 \bdownload(?:s|ed|ing)?\b ~~(?:payloads?|malware|second[- ]stage|next[- ]stage|additional (?:\w+ )?(?:modules?
        |malware|payloads?|files?|components?|plugins?)|executables?|dlls?|trojan|loader|binar\w+|tools)\b
    |(?:fetch|retriev)\w* ~(?:payloads?|second[- ]stage|next[- ]stage)
T1090.003 (?:communicat|c2|c&c|connect|traffic|server)\w* ~~\btor\b
    |\btor (?:hidden service|c2|network for)
T1090 (?:socks5?|reverse|residential) prox(?:y|ies)\b|prox(?:y|ies) ~(?:botnet|traffic)
T1568.002 domain[- ]generat\w+ algorithms?|\bdgas?\b
T1568.001 \bfast[- ]flux\b
T1219 \b(?:anydesk|teamviewer|screenconnect|atera|splashtop|rustdesk|netsupport|connectwise|remote utilities
        |ultravnc|tightvnc)\b
    |\brmm (?:tools?|software)
    |remote monitoring and management
T1008 fall-?back (?:c2|c&c|channels?|domains?|servers?)|back-?up (?:c2|c&c)

# Exfiltration
T1041 exfiltrat\w* ~~(?:c2|c&c|command[- ]and[- ]control)
    |(?:send|sent|upload|transmit)\w* ~~(?:stolen|collected|harvested|gathered|victim\S*|system|information|data
        |credentials) ~~(?:c2|c&c|command[- ]and[- ]control|remote server|attacker\S* server)
T1048.003 (?:exfiltrat|upload|send|sent|stolen)\w* ~~\b(?:ftp|smtp)\b
T1567.002 \brclone\b
    |megasync
    |(?:exfiltrat|upload)\w* ~~(?:cloud storage|dropbox|google drive|onedrive|\bmega\b)
T1567 exfiltrat\w* ~~(?:telegram|discord|pastebin|webhooks?)|(?:telegram|discord) ~~exfiltrat\w*

# Impact
T1486 encrypt(?:s|ed|ing)? (?:all |the |their |its |your |any |important |local |user\S* |victim\S* |infected
        |targeted |compromised ){0,3}(?:files
        |documents|drives|disks|systems|servers|machines|computers|virtual machines|virtual disks|vms|hosts
        |network drives)\b
    |file[- ]encrypt\w*
    |encrypted ~ransom
    |double extortion
T1490 shadow (?:volume )?cop(?:y|ies)
    |\bvssadmin\b
    |\bbcdedit\b
    |(?:delet|disabl|inhibit|destroy)\w* ~(?:backups?|system restore|recovery)\b
T1489 (?:stop|kill|terminat)\w* ~(?:services|processes) ~~(?:encrypt|database|backup|sql|files)\w*
T1485 \bwipers?\b
    |\bwip(?:e|es|ed|ing) ~(?:data|disks?|drives?|systems?|files|machines)\b
    |data-?\s?wiping
T1561.002 overwrit\w* ~(?:master boot record|mbr)\b
T1498 \bddos\b|distributed denial[- ]of[- ]service
T1496.001 \bcrypto-?\s?(?:currency )?(?:min(?:er|ers|ing)|jack\w*)\b
    |\bcoin-?\s?min(?:er|ers|ing)\b
    |\bxmrig\b
    |min(?:e|es|ing) (?:monero|cryptocurrenc\w*)
T1491.002 \bdefac(?:e|ed|ement|ements|ing)\b ~(?:web ?sites?|pages?)|web ?sites? ~defac\w*
T1657 business e-?mail compromise|\bbec\b (?:attacks?|scams?|fraud)|fraudulent (?:wire )?transfers?
""",
    fetch=_FETCH,
    steal=_STEAL,
    victim=_VICTIM,
    opens=_OPENS,
    lure=_LURE,
    servers=_SERVERS,
    readers=_READERS,
)
"""The id of a technique, and what speaks for it."""

ADVICE = (
    r"\b(?:recommend\w*|should|best practices?|mitigations?|we advise|protect (?:against|yourself|your)|ensure that"
    r"|make sure|organi[sz]ations (?:can|must|need)|users (?:can|must|need)|be (?:wary|cautious|careful)|to prevent"
    r"|preventing|to avoid|awareness|limit\w* the use|let['’]s|imagine that|suppose that|you (?:can|could|must|need))\b"
)
"""What a sentence says that tells readers what to do, rather than what was done."""
DENIED = (
    r"\b(?:do(?:es)? not|do(?:es)?n['’]t|did not|didn['’]t|is not|isn['’]t|was not|cannot|never|no longer"
    r"|(?:has|have|had|contains?|there (?:is|are)) no)\b"
)
"""What a sentence says that tells what was not done."""
