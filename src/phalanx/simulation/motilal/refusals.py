"""What this broker says when it says no, and the code that stands for it."""

from typing import Final

SENTENCES: Final = {
    "M01108": "Cannot place Market orders for Algo Orders",
    "MO1000": "Invalid UserId Or Password",
    "MO1001": "Invalid User Id",
    "MO1002": "Invalid Password Length",
    "MO1004": "Invalid API Key",
    "MO1005": "API Key Not Found",
    "MO1007": "Invalid 2FA",
    "MO1011": "Client Not Login",
    "MO1013": "Order Not Found",
    "MO1014": "TradeNot Found",
    "MO1015": "Holding Not Found",
    "MO1016": "Position Not Found",
    "MO1050": "Invalid Input Parameter",
    "MO1051": "Invalid Exchange Input Parameter",
    "MO1052": "Invalid BuySell Input Parameter",
    "MO1053": "Invalid BookType Input Parameter",
    "MO1054": "Invalid Order Duration Parameter",
    "MO1055": "Invalid Quantity Parameter",
    "MO1056": "Invalid Disclose Quantity Parameter",
    "MO1057": "Invalid Product Type Parameter",
    "MO1058": "Invalid Scrip Code Input Parameter",
    "MO1059": "Invalid Quantity In Multiple of Marketlot Input Parameter",
    "MO1060": "Invalid Order Id Input Parameter",
    "MO1061": "Invalid AMO Order Input Parameter",
    "MO1062": "Please Provide Client Code In Input Parameter",
    "MO1063": "Invalid Good Till Date In Input Parameter",
    "MO1064": "Invalid Algo Id Input Parameter",
    "MO1065": "Order Status Is Uknown",
    "MO1066": "Order Is Already Cancelled",
    "MO1067": "Order Is Already Traded",
    "MO1068": "Order Is Already Rejected",
    "MO1069": "Order Status Is Error",
    "MO1070": "Please Provide UniqueOrderId In Input Parameter",
    "MO1071": "Invalid Input DisQty Ioc Combination",
    "MO1073": "Limit Price Is Less Than LCL",
    "MO1074": "Limit Price Is More Than UCL",
    "MO1075": "Trigger Price Is Required",
    "MO1076": "Invalid Trigger Price",
    "MO1077": "Trigger Price Must be Less Then Order Price",
    "MO1078": "Trigger Price Must be More Then Order Price",
    "MO1079": "Invalid Trigger Price Order Type Combination",
    "MO1080": "Invalid Input Tag Field Length",
    "MO1081": "Invalid Input Tag Field Special Char",
    "MO1082": "Invalid Input Exch Dis Qty Combination",
    "MO1083": "Invalid Input OrderType Price Combination",
    "MO1084": "Invalid Input Exch ProductType Combination",
    "MO1085": "Invalid Input Order Duration GTD Combination",
    "MO1086": "Invalid Input Exch GTC Combination",
    "MO1087": "ClientCode Input Cannot Be DealerId",
    "MO1089": "Invalid Input ModifyOrder LastModifiedTimeStr",
    "MO1090": "Invalid Input ModifyOrder QtyTradedToday",
    "MO1093": "Invalid TOTP",
    "MO1095": "Invalid OTP Session",
    "MO1096": "Invalid OTP Attempt Count",
    "MO1097": "Invalid Authorization Verification",
    "MO1098": "Invalid Dealer Access",
    "MO1099": "Invalid OTP Format",
    "MO1100": "Invalid Login Access",
    "MO1102": "Invalid Input ParticipantCode",
    "MO2000": "Maximum Active Session Exceeded",
    "MO2001": "Method Not Allowed",
    "MO2002": "InVaild JSON format in Body Request",
    "MO2003": "Accept is InVaild In Header Parameter",
    "MO2004": "UserAgent is InVaild In Header Parameter",
    "MO2005": "ApiKey is InVaild In Header Parameter",
    "MO2006": "ApiSecretKey is InVaild In Header Parameter",
    "MO2007": "Authorization is InVaild In Header Parameter",
    "MO2008": "MacAddress is InVaild In Header Parameter",
    "MO2009": "ClientLocalIP is InVaild In Header Parameter",
    "MO2010": "ClientPublicIP is InVaild In Header Parameter",
    "MO2011": "SourceID is InVaild In Header Parameter",
    "MO2012": "Vendor Tag is Invalid In Header Parameter",
    "MO2014": "OS Name is Invalid In Header Parameter",
    "MO2015": "OS Version is Invalid In Header Parameter",
    "MO2016": "Device Model is Invalid In Header Parameter",
    "MO2017": "Manufacturer is Invalid In Header Parameter",
    "MO2018": "Product Name is Invalid In Header Parameter",
    "MO2019": "Product Version is Invalid In Header Parameter",
    "MO2020": "Installed AppID is Invalid In Header Parameter",
    "MO2021": "IMEI NO is Invalid In Header Parameter",
    "MO2022": "Browser Name is Invalid In Header Parameter",
    "MO2023": "Browser Version is Invalid In Header Parameter",
    "MO2024": "Latitude is Invalid In Header Parameter",
    "MO2025": "Longitude is Invalid In Header Parameter",
    "MO2026": "SDK Version is Invalid In Header Parameter",
    "MO2035": "Unauthorized IP Address",
    "MO5000": "Server Connectivity Failed",
    "MO5001": "Request Sent Failed Due To Network Issue",
    "MO5002": "Response Receive Failed Due To Network Issue",
    "MO5003": "Invalid Order Input Parameter",
    "MO8000": "Technical Error",
    "MO8001": "Invalid Token",
    "MO8002": "Token Expired",
    "MO8003": "Token missing",
}
"""The broker's own table of error codes, with its own spelling, and M01108 as it was seen live."""

RATE_SENTENCE: Final = "Orders Per Second Limit Exceeded"
"""For requests above the limit; the broker's papers name no code for them, so there is none."""


class Refused(Exception):
    """A request that comes to nothing. ``code``: of the table, or empty."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or SENTENCES.get(code, "")
        super().__init__(f"{code} {self.message}".strip())

    def envelope(self, status: str) -> dict[str, object]:
        """What is sent for it, as HTTP 200. ``status``: FAILURE or ERROR."""
        return {
            "status": status,
            "message": self.message,
            "errorcode": self.code,
            "data": None,
        }
