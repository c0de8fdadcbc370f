"""The sandbox's controls and the pretend UPI app. Not there when live."""
