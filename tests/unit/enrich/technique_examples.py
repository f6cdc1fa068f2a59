"""A sentence for each rule of `phrases` that it must match, and one like it that it must not; all invented."""

EXAMPLES = """
T1595.002 | The botnet scans the internet for vulnerable routers. | The clerk scans invoices every morning.
T1583.001 | They registered several lookalike domains in May. | The domain belongs to a bakery.
T1583.008 | The installer arrived through malvertising. | The company advertises on the radio.
T1584 | It was served from a compromised WordPress blog. | The blog runs on WordPress.
T1608.006 | The page ranked high thanks to SEO poisoning. | The page explains SEO to beginners.
T1566.001 | The malspam carried an attachment named invoice.doc. | The report has an attachment on page nine.
T1566.002 | Phishing messages held shortened links. | The article links to three sources.
T1566.003 | The recruiter sent fake LinkedIn messages. | The company has a page on LinkedIn.
T1566.004 | The crew relied on vishing of help desks. | The help desk answers the phone.
T1566 | Staff received spear-phishing from a partner. | Staff went fishing at the lake.
T1189 | Visitors were infected by a watering hole. | The village drilled a new well.
T1190 | They exploited a vulnerability in the Confluence server. | They exploited the holiday to travel.
T1133 | The first access was a compromised VPN account. | The office offers a VPN.
T1195.002 | A trojanized installer was served for a week. | The installer is ninety megabytes large.
T1195.001 | Two malicious npm packages were taken down. | The npm packages were updated.
T1195 | It was a supply-chain attack on a small vendor. | The supply of chains ran short.
T1199 | The intruders compromised managed service providers. | The firm hired a managed service provider.
T1091 | The worm spreads over USB sticks. | The camera charges over USB.
T1078 | They used stolen credentials to log in. | The credentials were printed on a badge.
T1204.001 | The victim clicked on a link in the message. | The mechanism clicked into place.
T1204.002 | The recipient opens the attached document. | The museum opens at nine.
T1059.001 | The shortcut launches PowerShell quietly. | The administrator likes PowerShell.
T1059.003 | It runs a batch file from the cache. | It bakes a batch of bread.
T1059.004 | The miner downloads shell scripts from two hosts. | The beach was full of shells.
T1059.005 | The workbook held a malicious macro. | The macro lens takes fine pictures.
T1059.006 | The dropper runs a Python payload. | The zoo bought a python.
T1059.007 | The archive contained obfuscated JavaScript. | The site is written in JavaScript.
T1059.010 | A compiled AutoIt script starts the loader. | The script of the play was lost.
T1059.002 | The stealer runs an AppleScript. | The apple fell from the tree.
T1053.005 | Persistence is a scheduled task. | The meeting is scheduled for Monday.
T1053.003 | It adds a cron job for root. | The job was advertised.
T1047 | The operator spread it via WMI. | The vendor documents WMI.
T1106 | The code calls WriteProcessMemory. | The code calls home.
T1559.002 | The lure used a DDE field instead of macros. | The field was green.
T1569.002 | They moved on with PsExec. | They moved on by train.
T1203 | The document exploits a bug in Equation Editor. | The document was edited twice.
T1610 | The worm deploys malicious containers. | The harbour unloads containers.
T1547.001 | It adds itself to the startup folder. | The startup moved to a new office.
T1547.009 | It creates a shortcut in startup. | The hikers took a shortcut.
T1543.003 | It installs itself as a service. | The service at the hotel was good.
T1543.002 | It writes a systemd unit. | The unit was moved north.
T1543.001 | It drops a LaunchAgent. | The agent was launched into a career.
T1543.004 | It drops a LaunchDaemon. | The daemon of the story was kind.
T1546.003 | A WMI event subscription restarts it. | The subscription to the paper ended.
T1546.015 | It persists by COM hijacking. | The site ends in com.
T1136 | The intruders created a new local account. | The teller gave an account of the day.
T1098 | They added the user to the administrators group. | They added sugar to the tea.
T1505.003 | A web shell was left on the server. | The spider left its web.
T1176.001 | A malicious Chrome extension read the pages. | The extension of the house was built.
T1542.003 | The implant is a bootkit. | The boots are in the kit.
T1014 | The driver is a rootkit. | The root of the tree was dry.
T1574.001 | The signed program side-loads a DLL. | The truck loads at the side door.
T1574.006 | It sets LD_PRELOAD for every shell. | It sets the table.
T1548.002 | The loader includes a UAC bypass. | The town built a bypass.
T1134 | It uses token impersonation. | It uses tokens for the laundry.
T1068 | It exploits a driver to escalate privileges. | It exploits the weather.
T1055.012 | The stage uses process hollowing. | The stage was hollow.
T1055.001 | It injects a DLL at once. | The nurse injects a vaccine.
T1055.004 | The stage uses APC injection. | The stage uses lights.
T1055.013 | It is a case of process doppelganging. | It is a case of wine.
T1055 | It injects shellcode into a running process. | It puts money into a savings bank.
T1620 | The module is reflectively loaded. | The window is reflective.
T1218.011 | The library is started by rundll32. | The library opens at nine.
T1218.010 | The scriptlet is fetched by regsvr32. | The scriptlet is short.
T1218.005 | The link starts mshta. | The link is old.
T1218.007 | It calls msiexec quietly. | It calls twice.
T1218.004 | It abuses InstallUtil. | It abuses patience.
T1218.003 | It abuses CMSTP. | It abuses trust.
T1218.001 | The archive held a CHM file. | The archive held a letter.
T1127.001 | It compiles an MSBuild project on the host. | It compiles a list.
T1220 | The code sits in an XSL script. | The code sits in a drawer.
T1221 | The document uses remote template injection. | The document uses a template.
T1197 | It downloads by bitsadmin. | It downloads at night.
T1140 | The stub decrypts the payload in memory. | The stub of the ticket was kept.
T1027.002 | The sample is packed with UPX. | The suitcase is packed with shirts.
T1027.003 | The image hides it by steganography. | The image hides the wall.
T1027.006 | The page relies on HTML smuggling. | The page relies on HTML.
T1027.010 | It starts an obfuscated PowerShell command. | It starts a command economy.
T1027.013 | It carries a base64 encoded payload. | It carries a backpack.
T1027 | The script is heavily obfuscated. | The script is heavily criticised.
T1036.002 | The name hides behind a right-to-left override. | The text runs right to left.
T1036.007 | The file has a double extension. | The file has two pages.
T1036 | The program is disguised as a legitimate updater. | The actor is disguised as a king.
T1553.002 | The sample is digitally signed. | The letter is signed.
T1553.005 | The image avoids the mark of the web. | The image leaves a mark.
T1497 | The sample has anti-VM checks. | The sample was sent by mail.
T1678 | The loader delays execution by an hour. | The train delays were short.
T1622 | The sample has anti-debugging tricks. | The developer likes debugging.
T1480 | The server uses geofencing. | The garden uses fencing.
T1480.002 | It creates a mutex to run once. | It creates jobs.
T1564.001 | It sets the hidden attribute. | It sets the price.
T1564.003 | The command starts in a hidden window. | The window was hidden by a curtain.
T1070.004 | The dropper deletes itself. | The author deletes a paragraph.
T1070.006 | The files were timestomped. | The letters were stamped.
T1685.005 | The intruders cleared the event logs. | The workers cleared the logs from the road.
T1685 | It disables Windows Defender first. | It disables the alarm clock.
T1686 | It adds a firewall rule for itself. | It adds a wall of fire to the show.
T1112 | It modifies the registry. | It modifies the recipe.
T1003.001 | They dumped LSASS memory. | They dumped the rubbish.
T1003.002 | They copied the SAM hive. | They copied what Sam said.
T1003.003 | They took NTDS.dit with them. | They took lunch with them.
T1003.006 | The account was used for DCSync. | The account was used for travel.
T1003 | The intruders ran Mimikatz. | The intruders ran away.
T1555.003 | It steals passwords from browsers. | It renders pages in browsers.
T1555.005 | It steals vaults of password managers. | The staff uses password managers.
T1555 | It steals credentials of FTP clients. | It pleases its clients.
T1539 | It steals cookies of sessions. | It bakes cookies.
T1056.001 | The module is a keylogger. | The module is a key to the course.
T1056.003 | Visitors saw a fake login page. | Visitors saw a page of the diary.
T1185 | The trojan uses web injects. | The doctor injects it.
T1557 | The kit works as an adversary-in-the-middle. | The seat is in the middle.
T1110.003 | The wave began with password spraying. | The wave began with a breeze.
T1110.004 | The shop suffered credential stuffing. | The turkey needs stuffing.
T1110 | The bots brute-force SSH. | The police used force.
T1621 | The crew tried MFA fatigue. | The crew felt fatigue.
T1111 | The kit steals one-time codes. | The kit contains codes of conduct.
T1528 | The application steals OAuth tokens. | The application accepts tokens.
T1558.003 | They went on to Kerberoasting. | They went on to roasting.
T1558.001 | They forged a golden ticket. | They bought a ticket.
T1550.002 | They moved by pass-the-hash. | They passed the salt.
T1082 | It collects the operating system version. | It collects stamps.
T1033 | It sends the username home. | It sends a card home.
T1016 | It collects the external IP address. | It collects the parcels.
T1057 | It lists running processes. | It lists the guests.
T1083 | It searches directories for documents. | It searches for meaning.
T1518.001 | It checks for antivirus products. | It checks for rain.
T1012 | It queries the registry. | It queries the bill.
T1087 | It enumerates domain accounts. | It enumerates reasons.
T1482 | They ran nltest. | They ran a test.
T1018 | They ran AdFind. | They found an ad.
T1046 | They ran a port scan. | They ran to the port.
T1135 | It enumerates network shares. | It sells shares.
T1049 | They ran netstat. | They ran fast.
T1614.001 | It checks the keyboard layout. | It checks the layout of the garden.
T1614 | It checks the victim's country. | It likes the country.
T1021.001 | They moved over RDP. | They moved over land.
T1021.002 | It copies itself to SMB shares. | It copies itself by hand.
T1021.004 | They moved via SSH. | They moved via Rome.
T1021.006 | They used WinRM. | They used a ramp.
T1570 | It copies itself to other machines on the network. | It copies the style of others.
T1210 | It spreads by EternalBlue. | The sea is eternal blue and calm.
T1113 | It takes screenshots every minute. | The screenshots below explain it.
T1123 | It records audio. | It plays audio.
T1125 | It records the webcam. | It sells webcams.
T1115 | It monitors the clipboard. | It sells clipboards.
T1114.003 | They added inbox rules. | They followed the rules.
T1114 | It steals e-mails. | It answers e-mails.
T1005 | It collects documents. | It prints documents.
T1560 | It compresses the files before sending them. | It compresses air.
T1071.001 | It beacons to its server over HTTPS. | The shop sells online.
T1071.003 | It sends the data out by SMTP. | It sells mail servers.
T1071.004 | The C2 works over DNS. | The office works over lunch.
T1572 | They set up DNS tunneling. | They set up a tunnel boring company.
T1102 | Telegram serves as its C2. | Telegram has many users.
T1573.001 | Its traffic is encrypted with RC4. | Its traffic is heavy.
T1132.001 | Its responses are base64 text. | Its answers are short.
T1095 | It speaks a custom TCP protocol. | It speaks Latin.
T1571 | It listens on a non-standard port. | It listens to the sea.
T1105 | It downloads additional modules. | It sells additional modules.
T1090.003 | It connects to a server on Tor. | It climbs the tor.
T1090 | It opens a reverse proxy. | It votes by proxy.
T1568.002 | It uses a DGA. | It uses a dagger.
T1568.001 | The hosts are fast flux. | The hosts are fast runners.
T1219 | The crew installed AnyDesk. | The crew installed a desk.
T1008 | It has a fallback C2. | It has a fallback plan.
T1041 | It exfiltrates files to its C2. | It sends a card to its aunt.
T1048.003 | It uploads the files over FTP. | It prints the files.
T1567.002 | They left with rclone. | They left with a clone.
T1567 | It exfiltrates the data to Telegram. | It reads the news on Telegram.
T1486 | It encrypts all files. | It sorts all files.
T1490 | It deletes shadow copies. | It deletes copies of the letter.
T1489 | It stops services before it encrypts them. | It stops for lunch.
T1485 | The tool is a wiper. | The waiter wiped the table.
T1561.002 | It overwrites the master boot record. | It broke the record.
T1498 | The site was hit by a DDoS. | The site was hit by a storm.
T1496.001 | It installs a cryptominer. | It hires a miner.
T1491.002 | The website was defaced. | The statue lost its face.
T1657 | It was a business email compromise. | It was a business lunch.
"""
"""The id of the rule, what it must match, what it must not."""
